"""The request of a search: all options with their defaults filled in, kept as `request.yaml` in its folder."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bench.home.paths import searches_dir
from bench.record.folder import SearchFolder, search_names, starting_names
from bench.record.profiles import CHECKPOINT_S, PROFILES, TRIAL_TIMEOUT_S, rungs
from bench.record.trial import MAX_TIME_S, TrialRecord
from bench.space.objectives import Objective, parse_objectives
from bench.space.protocol import Entry
from bench.space.samplers import SAMPLERS
from bench.space.space import Space
from cellbench.dataset_identity import CellRadius, DatasetIdentity
from cellbench.disk import write_text
from cellbench.errors import DataError, NotFoundError, SettingError
from cellbench.input_files import MAX_YAML_BYTES, load_yaml, read_text
from cellbench.training.configuration import TrainingSettings

Auto = Literal["auto"]
SEARCH_FOLD = 0
"""The fold of the pool that all trials of the search stage are scored on."""
SEAL = "# Not to be edited; sha256 of what follows: "


class Request(BaseModel):
    """What a search does.

    Attributes:
        name: Name of the search and of its folder.
        command: The command that started it.
        created: Seconds since the epoch.
        dataset: Name of the data set.
        dataset_path: Folder of the data set.
        fingerprint: Fingerprint of the data set.
        cell_radius_px: Cell radius of its card in native px; None where it has none, `unrecorded` in older requests.
        native_size: Side in px of the patches.
        um_per_px: µm per native px; None where it is unknown.
        profile: Name of the profile that the defaults came from.
        spaces: Space of each method, lengths in native px.
        protocol: Configurations of a reproduction, which trains them all and searches nothing; empty for a search.
        sampler: Name of the sampler, which chooses configurations.
        warm_start: For each method, the sources of its first points; empty without --warm-start.
        scheduler: `asha` stops unpromising trials at rungs, `none` does not.
        objective: Name of the objective, or several names with commas between them, for a Pareto front.
        n_trials: Number of trials of the search stage, per method.
        n_finalists: Number of configurations that are trained on further folds.
        n_folds: Number of folds that a finalist is scored on, 1 to 5.
        n_seeds: Number of fresh seeds of the final trainings.
        reduction: ASHA keeps one trial out of this number.
        n_rungs: Number of rungs before the last epoch.
        seed: Seed of all random numbers.
        time_budget_s: Time for the whole search, s; None for no limit.
        stop_early: Whether a method ends when further trials are expected to gain less than the noise.
        screen_size: Network size in px of the search stage; None for that of all other trainings.
        screen_pool: Share of the patches that the search stage trains on, above 0 to 1.
        share_trials: Whether promising methods get more trials, and the finalists are the best of all methods.
        trial_timeout_s: Longest time of an epoch, s; a trial that takes longer fails.
        checkpoint_s: Time between two checkpoints of a trial, s. There is also one at each rung.
        oracle: Whether the ceiling that uses contours is trained.
        supervised: Extent of the ceiling that is trained on labels: `none`, one `fold`, or `all`.
        settings: Settings that all trainings share.
        concurrent: Number of trials at once.
        cpus_per_trial: CPUs of a trial.
        gpus_per_trial: GPUs of a trial.
        address: Ray cluster that the last process of the search joined; None for a Ray of its own. It is a record
            for people: a resumed search joins only a cluster whose address is typed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    command: str
    created: float = Field(default_factory=time.time, ge=0, le=MAX_TIME_S)
    dataset: str
    dataset_path: Path
    fingerprint: str
    cell_radius_px: CellRadius = "unrecorded"
    native_size: int
    um_per_px: float | None
    profile: str
    spaces: tuple[Space, ...]
    protocol: tuple[Entry, ...] = ()
    sampler: Annotated[str, AfterValidator(lambda name: SAMPLERS.get(name).name)]
    warm_start: dict[str, list[str]] = {}
    scheduler: Literal["asha", "none"]
    objective: str
    n_trials: int = Field(gt=0)
    n_finalists: int = Field(gt=0)
    n_folds: int = Field(gt=0, le=5)
    n_seeds: int = Field(gt=0)
    reduction: int = Field(gt=1)
    n_rungs: int = Field(ge=0)
    seed: int = Field(ge=0)
    time_budget_s: float | None = Field(gt=0)
    stop_early: bool = False
    screen_size: int | None = Field(None, ge=16)
    screen_pool: float = Field(1.0, gt=0, le=1)
    share_trials: bool = False
    trial_timeout_s: float = Field(TRIAL_TIMEOUT_S, gt=0)
    checkpoint_s: float = Field(CHECKPOINT_S, gt=0)
    oracle: bool
    supervised: Literal["none", "fold", "all"] = "none"
    settings: TrainingSettings
    concurrent: int | Auto
    cpus_per_trial: int | Auto
    gpus_per_trial: float | Auto
    address: str | None

    @property
    def program(self) -> str:
        """The program that continues it, as a module."""
        return "bench.reproduce" if self.protocol else "bench.search"

    def check_searches(self) -> None:
        """Check that this is the request of a search.

        Raises:
            SettingError: It is that of a reproduction, which has no winner.
        """
        if self.protocol:
            raise SettingError(
                f"{self.name} is a reproduction, not a search. Continue or show it with "
                f"python -m bench.reproduce --resume {self.name}"
            )

    def check_reproduces(self) -> None:
        """Check that this is the request of a reproduction.

        Raises:
            SettingError: It is that of a search, which has no protocol.
        """
        if not self.protocol:
            raise SettingError(f"{self.name} is a search; continue it with python -m bench.search --resume {self.name}")

    @property
    def dataset_identity(self) -> DatasetIdentity:
        """The data set that the search was started on."""
        return DatasetIdentity(self.dataset_path, self.fingerprint, self.cell_radius_px)

    @property
    def methods(self) -> list[str]:
        """The names of the methods."""
        return [space.method for space in self.spaces]

    @property
    def primary_objective(self) -> Objective:
        """The first objective."""
        return self.objectives[0]

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives, the most important first."""
        return parse_objectives(self.objective)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs after which ASHA compares the trials of the search stage."""
        return rungs(self.settings.epochs, self.reduction, self.n_rungs) if self.scheduler == "asha" else ()

    @property
    def max_concurrent(self) -> int:
        """Largest number of trials at once that `auto` chooses, per GPU, or per machine without a GPU."""
        return PROFILES[self.profile].max_concurrent

    @property
    def cpus_of_trial(self) -> int | Auto:
        """CPUs of a trial. An older request that has no number of its own keeps its recorded number of threads."""
        return self.settings.threads or "auto" if self.cpus_per_trial == "auto" else self.cpus_per_trial

    @property
    def is_screened(self) -> bool:
        """Whether the search stage is cheaper than the other trainings, so that their scores cannot be mixed."""
        return self.screen_size is not None or self.screen_pool < 1

    def size_at(self, stage: str) -> int:
        """Return the network size in px of the trials of a stage."""
        full = self.settings.network_size
        return self.screen_size or full if stage == "search" else full

    def pool_share_at(self, stage: str) -> float:
        """Return the share of the patches that the trials of a stage are trained on, above 0 to 1."""
        return self.screen_pool if stage == "search" else 1.0

    @property
    def further_folds(self) -> list[int]:
        """Folds that finalists are trained on after the search stage, in the order of the race."""
        return [fold for fold in range(self.n_folds) if self.is_screened or fold != SEARCH_FOLD]

    @property
    def n_chosen(self) -> int:
        """Number of finalists per method, or of all methods that share trials. It is 1 where no race follows."""
        return self.n_finalists if self.further_folds or len(self.objectives) > 1 else 1

    @property
    def n_kept(self) -> int:
        """Smallest number of trials per method that ASHA keeps at a rung, so that enough finalists remain."""
        return 1 if self.share_trials else self.n_chosen

    @property
    def most_finalists(self) -> int:
        """Largest number of finalists of all methods together."""
        return self.n_finalists if self.share_trials else len(self.spaces) * self.n_finalists

    @property
    def most_winners(self) -> int:
        """Largest number of methods that have a winner of their own."""
        return min(self.n_finalists, len(self.spaces)) if self.share_trials else len(self.spaces)

    def judged(self, records: "Sequence[TrialRecord]") -> "list[TrialRecord]":
        """Return the trials that finalists are compared by. A screened search leaves those of the search stage out."""
        return [record for record in records if not (self.is_screened and record.stage == "search")]

    def n_tried(self, space: Space) -> int:
        """Return the number of trials of a method in the search stage, at most the number of points to try."""
        if not space.searched:
            return 1
        return (
            min(self.n_trials, len(space.grid_points())) if SAMPLERS.get(self.sampler).is_exhaustive else self.n_trials
        )

    def final_seeds(self) -> list[int]:
        """Return the seeds of the final trainings. The search has used none of them."""
        return [1000 * (self.seed + 1) + number for number in range(self.n_seeds)]

    def write(self, folder: SearchFolder) -> None:
        """Write `request.yaml` atomically."""
        text = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
        folder.directory.mkdir(parents=True, exist_ok=True)
        write_text(folder.request_path, f"{SEAL}{_digest(text)}\n{text}")

    @classmethod
    def read(cls, folder: SearchFolder) -> "Request":
        """Read `request.yaml`.

        Raises:
            DataError: The file is damaged, or was changed after the search started.
        """
        path = folder.request_path
        whole = "?"  # not read yet
        try:
            whole = read_text(path, MAX_YAML_BYTES)
            seal, _, text = whole.partition("\n")
            request = cls.model_validate(load_yaml(text))
            _ = request.objectives
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); restore it, or start a new search.") from None
        except (ValueError, NotFoundError) as error:  # not UTF-8, not the fields, not YAML, an unknown name
            reason = str(error).splitlines()[0] if whole else "it is empty"
            raise DataError(f"{path} is damaged ({reason}); start a new search.") from None
        if seal != f"{SEAL}{_digest(text)}":
            raise DataError(f"{path} was changed after the search started; restore it, or start a new search.")
        return request


def check_unused(dataset: Path, advice: str) -> None:
    """Check that no search that has begun and not ended uses a data set.

    Args:
        dataset: Folder of the data set.
        advice: What the user can do beside ending the search, as a sentence.

    Raises:
        SettingError: A search uses it, or a search is starting, whose data set is not known yet.
    """
    if starting := starting_names():
        raise SettingError(f"The search {starting[0]} is starting and may use the data set; try again in a minute.")
    users = [name for name in search_names() if _uses(SearchFolder(searches_dir() / name), dataset)]
    if not users:
        return
    others = f" and {len(users) - 5} more" if len(users) > 5 else ""
    raise SettingError(
        f"The data set {dataset.name} is used by searches that have not ended: {', '.join(users[:5])}{others}. Finish "
        f"each with python -m bench.search --resume NAME, or remove its folder. {advice}"
    )


def _uses(folder: SearchFolder, dataset: Path) -> bool:
    if folder.has_ended and folder.is_recorded:
        return False
    try:
        used = Request.read(folder).dataset_path
    except DataError:  # it cannot be resumed
        return False
    return used.resolve() == dataset.resolve()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
