"""The options of `bench.search`, each written once, and those that other programs share with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bench.record.profiles import CHECKPOINT_S, PROFILES, TRIAL_TIMEOUT_S
from bench.space.objectives import OBJECTIVES
from bench.space.samplers import SAMPLERS
from bench.terminal.command_line import Option, option_name, option_of
from bench.terminal.parsing import FromDigits, NumberOrAuto, Seconds, WholeOrAuto, cluster_address
from cellbench.errors import SettingError
from cellbench.training.configuration import Augment, Precision, Representation, Schedule, TrainingSettings, Views

WHAT, BUDGET, TRAINING, MACHINE, RESUME = "What", "Budget", "Training", "Machine", "Resume"
"""Headings of `--help`. The most used options come before them."""
_SETTINGS = TrainingSettings.model_fields


def _by_profile(name: str, text: Callable[[Any], str] = str) -> str:
    """Return the defaults of all profiles, the most frequent one first, for the help of an option: `3 (paper: 5)`."""
    defaults = {profile.name: text(getattr(profile, name)) for profile in PROFILES.values()}
    usual = max(defaults.values(), key=list(defaults.values()).count)
    others = ", ".join(f"{profile}: {value}" for profile, value in defaults.items() if value != usual)
    return f"{usual} ({others})" if others else usual


def _thousands(number: int) -> str:
    return f"{number / 1000:g}k" if number < 1_000_000 else f"{number / 1_000_000:g}M"


Dataset = Annotated[str, Option("Name of the data set", metavar="NAME")]
Epochs = Annotated[
    int | None,
    Field(ge=1, le=100_000),
    Option("Epochs", BUDGET, default=f"{_by_profile('passes', _thousands)} patches"),
]
Size = Annotated[
    WholeOrAuto,
    Option("Network size in px; auto: from the cell radius", TRAINING, default="auto"),
]
Encoder = Annotated[
    str | None, Option("Network of the timm library", TRAINING, metavar="NAME", like=_SETTINGS["encoder"])
]
BatchSize = Annotated[
    int | None, Field(ge=2, le=65_536), Option("Patches per step", TRAINING, default=_by_profile("batch_size"))
]
ViewCount = Annotated[
    Views | None,
    FromDigits,
    Option("Symmetries that an embedding is the mean of", TRAINING, like=_SETTINGS["views"]),
]
MAX_SEED = 1_000_000
Seed = Annotated[int, Field(ge=0, le=MAX_SEED), Option("Seed of the random numbers")]


ProbeName = Annotated[str, Option("Classifier of representations", metavar="NAME")]
Threads = Annotated[int, Field(ge=1, le=1024), Option("CPU threads; they change the last digits")]


def _known_sampler(name: str) -> str:
    *names, last = SAMPLERS.names()
    if name not in SAMPLERS:
        raise ValueError(f"must be {', '.join(names)} or {last}")
    return name


def radii_option(default: str) -> Option:
    """Return the option `--radii` with its default in words."""
    return Option("Radii in px, separated by commas", metavar="PX,PX", default=default)


@dataclass(frozen=True)
class Resumes:
    """Marks an option that may be changed when a search is resumed.

    Attributes:
        field: The field of the request that it changes.
    """

    field: str


ProfileName = Annotated[str, Option(f"Source of defaults: auto, {', '.join(PROFILES)}", metavar="NAME")]
AllSeeds = Annotated[int, Field(ge=0, le=MAX_SEED), Option("Seed of all random numbers", WHAT)]
Oracle = Annotated[bool | None, Option("Train the ceiling too", BUDGET, default="where contours are known (quick: no)")]
SupervisedExtent = Annotated[
    Literal["none", "fold", "all"], Option("Ceiling trained on labels: none, fold or all", BUDGET, metavar="NAME")
]
EncoderWeights = Annotated[
    Path | None, Option("Safetensors file of the encoder's first weights", TRAINING, default="none")
]
ProfileViews = Annotated[
    Views | None, FromDigits, Option("Symmetries averaged", TRAINING, default=_by_profile("views"))
]
ProfileProbe = Annotated[
    str | None, Option("Classifier of representations", TRAINING, metavar="NAME", default=_by_profile("probe"))
]
NumberFormat = Annotated[
    Precision | None, Option("Number format; auto: bfloat16 on a GPU", TRAINING, like=_SETTINGS["precision"])
]
Compile = Annotated[bool | None, Option("Use torch.compile", TRAINING, like=_SETTINGS["compile"])]
Concurrent = Annotated[WholeOrAuto, Option("Trials at once", MACHINE), Resumes("concurrent")]
CpusPerTrial = Annotated[WholeOrAuto, Option("CPUs, and threads, of a trial; auto: 1 on a CPU", MACHINE)]
GpusPerTrial = Annotated[NumberOrAuto, Option("GPUs of a trial, such as 0.25", MACHINE), Resumes("gpus_per_trial")]
Address = Annotated[
    str | None,
    AfterValidator(cluster_address),
    Option("Ray cluster to join", MACHINE, metavar="auto|HOST:PORT", default="none, this machine only"),
    Resumes("address"),
]
CheckpointEvery = Annotated[
    Seconds,
    Option("Time between checkpoints of a trial", RESUME, metavar="TIME", default="30s"),
    Resumes("checkpoint_s"),
]
TrialTimeout = Annotated[
    Seconds,
    Option("Longest time of an epoch, else the trial fails", RESUME, metavar="TIME", default="2h"),
    Resumes("trial_timeout_s"),
]


class Options(BaseModel):
    """Base of the options of a program."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PipelineOptions(Options):
    """Options of a program that trains and can be resumed."""

    @property
    def training(self) -> dict[str, Any]:
        """The typed options that are fields of `TrainingSettings`."""
        values = {name: getattr(self, name) for name in _SETTINGS if name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None}

    def resume_changes(self) -> dict[str, Any]:
        """Return what the typed options change in the request of a search that is resumed.

        Raises:
            SettingError: A typed option is one that a search keeps from its start.
        """
        changes = {}
        for name, field in type(self).model_fields.items():
            if name == "resume" or name not in self.model_fields_set:
                continue
            target = next((item for item in field.metadata if isinstance(item, Resumes)), None)
            if target is None:
                typed = "A METHOD argument" if option_of(field).is_argument else option_name(name)
                raise SettingError(f"{typed} cannot be combined with --resume, which keeps all other options.")
            changes[target.field] = getattr(self, name)
        return changes


class SearchOptions(PipelineOptions):
    """The options of `bench.search`, in the order of `--help`."""

    more_methods: Annotated[list[str], Option("More methods", metavar="METHOD", is_argument=True)] = []
    method: Annotated[list[str], Option("Method, or all for those of the paper; repeat for more", metavar="NAME")] = []
    dataset: Dataset = "marrow-mini"
    set: Annotated[
        list[str],
        Option("Narrow the space, lengths in px, as r_max=30..120; repeat for more", metavar="NAME=VALUES"),
    ] = []
    trials: Annotated[
        int | None, Field(ge=1, le=100_000), Option("Configurations per method", default=_by_profile("n_trials"))
    ] = None
    profile: ProfileName = "auto"
    time_budget: Annotated[
        Seconds | None,
        Option("Time for everything, as 90s, 30m or 1h30m", metavar="TIME"),
        Resumes("time_budget_s"),
    ] = None

    objective: Annotated[
        str, Option(f"Optimise {', '.join(OBJECTIVES.names())}, or several", WHAT, metavar="NAME,NAME")
    ] = "f1"
    sampler: Annotated[
        Annotated[str, AfterValidator(_known_sampler)] | None,
        Option("Chooses configurations", WHAT, metavar="|".join(SAMPLERS.names()), default=_by_profile("sampler")),
    ] = None
    scheduler: Annotated[
        Literal["asha", "none"] | None,
        Option("Stops unpromising trials early", WHAT, default="asha (none for a grid)"),
    ] = None
    warm_start: Annotated[bool, Option("Try the best points of ended searches first", WHAT)] = False
    space: Annotated[Path | None, Option("Search space of the method", WHAT, default="search_spaces/METHOD.yaml")] = (
        None
    )
    seed: AllSeeds = 0

    epochs: Epochs = None
    folds: Annotated[
        int | None,
        Field(ge=1, le=5),
        Option("Folds that a finalist is scored on", BUDGET, default=_by_profile("n_folds")),
    ] = None
    finalists: Annotated[
        int | None,
        Field(ge=1, le=1000),
        Option("Configurations that become finalists", BUDGET, default=_by_profile("n_finalists")),
    ] = None
    seeds: Annotated[
        int | None,
        Field(ge=1, le=1000),
        Option("Fresh seeds of the winner", BUDGET, default=_by_profile("n_seeds")),
    ] = None
    stop_early: Annotated[bool, Option("End a method when more trials gain less than noise", BUDGET)] = False
    screen_size: Annotated[
        int | None, Field(ge=16, le=4096), Option("Network size in px of the search stage", BUDGET, default="--size")
    ] = None
    screen_pool: Annotated[float, Field(ge=0.01, le=1), Option("Share of the patches in the search stage", BUDGET)] = (
        1.0
    )
    share_trials: Annotated[bool, Option("Give promising methods more trials; no comparison", BUDGET)] = False
    oracle: Oracle = None
    supervised: SupervisedExtent = "fold"

    size: Size = "auto"
    encoder: Encoder = None
    encoder_weights: EncoderWeights = None
    batch_size: BatchSize = None
    schedule: Annotated[
        Schedule | None, Option("Schedule of the learning rate", TRAINING, like=_SETTINGS["schedule"])
    ] = None
    kl_warmup: Annotated[
        float | None, Option("Share of the steps in which beta rises from 0", TRAINING, like=_SETTINGS["kl_warmup"])
    ] = None
    grad_clip: Annotated[
        float | None, Option("Largest norm of the gradient", TRAINING, like=_SETTINGS["grad_clip"])
    ] = None
    stain_jitter: Annotated[
        float | None,
        Option("Standard deviation of stain gains", TRAINING, like=_SETTINGS["stain_jitter"]),
    ] = None
    augment: Annotated[
        Augment | None,
        Option("Random symmetries: flips, turns, none", TRAINING, metavar="NAMES", default="both (paper: none)"),
    ] = None
    views: ProfileViews = None
    representation: Annotated[
        Representation | None, Option("μ, or a sample of z", TRAINING, default=_by_profile("representation"))
    ] = None
    probe: ProfileProbe = None
    precision: NumberFormat = None
    compile: Compile = None

    concurrent: Concurrent = "auto"
    cpus_per_trial: CpusPerTrial = "auto"
    gpus_per_trial: GpusPerTrial = "auto"
    address: Address = None

    resume: Annotated[str | None, Option("Continue a stopped search", RESUME, metavar="SEARCH")] = None
    name: Annotated[str | None, Option("Name of the search", RESUME, default="data set, method and time")] = None
    checkpoint_every: CheckpointEvery = CHECKPOINT_S
    trial_timeout: TrialTimeout = TRIAL_TIMEOUT_S

    @property
    def methods(self) -> list[str]:
        """The names of the methods, as typed. An empty text between commas is an empty name."""
        return [name.strip() for text in (*self.method, *self.more_methods) for name in text.split(",")]
