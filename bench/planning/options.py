"""The options of `bench.search`: their types, and their help with units and defaults."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.record.profiles import PROFILES
from bench.space.samplers import SAMPLERS

WHAT, BUDGET, TRAINING, MACHINE = "What is searched", "Budget", "Training", "Machine"


if TYPE_CHECKING:
    SamplerName = StrEnum
else:
    SamplerName = StrEnum("SamplerName", SAMPLERS.names())


class SchedulerName(StrEnum):
    """Whether unpromising trials are stopped early."""

    asha = "asha"
    none = "none"


def _defaults(name: str) -> str:
    """Return what the profiles say, for the help of an option."""
    return "Default: " + ", ".join(f"{getattr(profile, name)} ({profile.name})" for profile in PROFILES.values()) + "."


MoreMethods = Annotated[list[str] | None, typer.Argument(metavar="[METHOD]...", help="Further methods.")]
Method = Annotated[
    list[str] | None,
    typer.Option(
        help="vae, rae, noise, mask_fixed, mask_sampled, mask_learned, crop_small, crop_medium, or all: these eight, "
        "which the paper compares. Beyond it: mask_auto, mask_profile, mask_evidence, mask_prior.",
        rich_help_panel=WHAT,
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(help="Data set, by name. Default: marrow-mini, drawn on first use.", rich_help_panel=WHAT),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Narrow the space, lengths in px of the data set: r_max=30..120, beta=0.001, "
        "shape=sqrt,linear, r_max=auto (estimated from the patches). Can be repeated.",
        rich_help_panel=WHAT,
    ),
]
Space = Annotated[
    Path | None,
    typer.Option(help="Search space to use in place of search_spaces/METHOD.yaml.", rich_help_panel=WHAT),
]
Sampler = Annotated[
    SamplerName | None, typer.Option(help="How configurations are chosen. Default: tpe.", rich_help_panel=WHAT)
]
WarmStart = Annotated[
    bool | None,
    typer.Option(
        "--warm-start/--no-warm-start",
        help="Try first what ended searches found best for the method, here or, rescaled, on other data sets; then, "
        "for a mask, the radius estimate and the best of the linear curve, which take seconds to a minute. "
        "Default: no, so that a search depends on nothing but its command and its data.",
        rich_help_panel=WHAT,
    ),
]
Scheduler = Annotated[
    SchedulerName | None,
    typer.Option(
        help="asha stops unpromising trials at rungs. Default: asha; with --sampler grid none.", rich_help_panel=WHAT
    ),
]
Objective = Annotated[
    str | None,
    typer.Option(
        help="What is optimised: f1 (macro F1 of the probe), label_free (what the latent knows of the cell alone, "
        "judged without labels), ssim (SSIM inside the cell), l1_core (L1 in the centre disc), or several, such as "
        "f1,ssim, for a Pareto front. Default: f1.",
        metavar="NAME[,NAME]",
        rich_help_panel=WHAT,
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=1_000_000, help="Seed of all that is drawn. Default: 0.", rich_help_panel=WHAT)
]
Name = Annotated[
    str | None,
    typer.Option(help="Name of the search. Default: made of data set, method and time.", rich_help_panel=WHAT),
]
Resume = Annotated[
    str | None, typer.Option(metavar="SEARCH", help="Go on with a search that was stopped.", rich_help_panel=WHAT)
]
Profile = Annotated[
    str | None,
    typer.Option(
        help="Where defaults come from: cpu, gpu, paper, or auto (gpu where there is one).", rich_help_panel=BUDGET
    ),
]
Trials = Annotated[
    int | None,
    typer.Option(min=1, help=f"Configurations to try, per method. {_defaults('n_trials')}", rich_help_panel=BUDGET),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"Epochs of a full training. Default: as many as show it so many patches: "
        f"{_defaults('passes').removeprefix('Default: ')}",
        rich_help_panel=BUDGET,
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=5,
        help=f"Folds of the pool (of 5) that a finalist is scored on; one that is clearly behind gets no further fold. "
        f"{_defaults('n_folds')}",
        rich_help_panel=BUDGET,
    ),
]
Finalists = Annotated[
    int | None,
    typer.Option(
        min=1, help=f"Configurations that become finalists. {_defaults('n_finalists')}", rich_help_panel=BUDGET
    ),
]
Seeds = Annotated[
    int | None,
    typer.Option(
        min=1, help=f"Fresh seeds that the winner is trained on. {_defaults('n_seeds')}", rich_help_panel=BUDGET
    ),
]
TimeBudget = Annotated[
    str | None,
    typer.Option(
        help="Time for everything, such as 30m or 1h30m: configurations are tried until what "
        "follows just fits. Default: none.",
        rich_help_panel=BUDGET,
    ),
]
StopEarly = Annotated[
    bool | None,
    typer.Option(
        "--stop-early/--no-stop-early",
        help="End trying configurations of a method once the best still to be found is expected to gain less than the "
        "noise of one training; --trials is then the most. Default: no.",
        rich_help_panel=BUDGET,
    ),
]
ScreenSize = Annotated[
    int | None,
    typer.Option(
        min=16,
        help="Network size in px that configurations are tried at; finalists are trained at --size. Default: --size.",
        rich_help_panel=BUDGET,
    ),
]
ScreenPool = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=1,
        help="Share of the patches that configurations are tried on. Default: 1.",
        rich_help_panel=BUDGET,
    ),
]
ShareTrials = Annotated[
    bool | None,
    typer.Option(
        "--share-trials/--no-share-trials",
        help="Give promising methods more of the trials (--trials times the methods, in all), and make the best "
        "configurations of all methods finalists: sooner at a winner, but methods are not compared. Default: no.",
        rich_help_panel=BUDGET,
    ),
]
TrialTimeout = Annotated[
    str | None,
    typer.Option(
        help="Longest time for one epoch of a trial, its scores included; one that hangs is ended as failed. "
        "Default: 2h.",
        rich_help_panel=BUDGET,
    ),
]
CheckpointEvery = Annotated[
    str | None,
    typer.Option(
        help="Time between two checkpoints of a trial, from which it goes on after a crash; rungs have one anyway. "
        "Default: 30s.",
        rich_help_panel=BUDGET,
    ),
]
Oracle = Annotated[
    bool | None,
    typer.Option(help="Train the ceiling too, where contours are known. Default: yes.", rich_help_panel=BUDGET),
]
Size = Annotated[
    str | None,
    typer.Option(
        help="Side in px that patches are trained at, or auto: large enough for the data set's "
        "typical cell. Default: auto.",
        rich_help_panel=TRAINING,
    ),
]
Encoder = Annotated[str | None, typer.Option(help="Any timm network. Default: resnet18.", rich_help_panel=TRAINING)]
EncoderWeights = Annotated[
    Path | None,
    typer.Option(help="Local safetensors file of its weights. Default: from scratch.", rich_help_panel=TRAINING),
]
BatchSize = Annotated[
    int | None, typer.Option(min=2, help=f"Patches a step. {_defaults('batch_size')}", rich_help_panel=TRAINING)
]
Schedule = Annotated[
    str | None,
    typer.Option(help="Course of the learning rate, cosine or constant. Default: cosine.", rich_help_panel=TRAINING),
]
KlWarmup = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Share of the steps over which beta rises from 0. Default: 0.", rich_help_panel=TRAINING
    ),
]
GradClip = Annotated[
    float | None, typer.Option(help="Largest norm of the gradient. Default: none.", rich_help_panel=TRAINING)
]
StainJitter = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Standard deviation of each channel's optical density gain. Default: 0.",
        rich_help_panel=TRAINING,
    ),
]
Views = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=8,
        help="Symmetries of the square (1, 2, 4, 8) that an embedding is the mean of; 1 embeds a patch as it lies, as "
        "the paper does. Default: 8.",
        rich_help_panel=TRAINING,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(help="float32, bfloat16, or auto: bfloat16 on a GPU. Default: auto.", rich_help_panel=TRAINING),
]
Compile = Annotated[
    bool | None,
    typer.Option("--compile/--no-compile", help="Use torch.compile. Default: no.", rich_help_panel=TRAINING),
]
Concurrent = Annotated[
    str | None, typer.Option(help="Trials at once, or auto.", metavar="auto|N", rich_help_panel=MACHINE)
]
CpusPerTrial = Annotated[
    str | None,
    typer.Option(help="CPUs, and threads, of a trial, or auto.", metavar="auto|N", rich_help_panel=MACHINE),
]
GpusPerTrial = Annotated[
    str | None,
    typer.Option(help="GPUs of a trial, such as 0.25, or auto.", metavar="auto|X", rich_help_panel=MACHINE),
]
Address = Annotated[
    str | None,
    typer.Option(help="Ray cluster to join, auto or HOST:PORT. Default: this machine alone.", rich_help_panel=MACHINE),
]
