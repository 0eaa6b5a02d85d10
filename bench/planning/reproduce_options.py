"""The options of `bench.reproduce`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bench.planning.options import (
    BUDGET,
    RESUME,
    Address,
    AllSeeds,
    BatchSize,
    CheckpointEvery,
    Compile,
    Concurrent,
    CpusPerTrial,
    Dataset,
    Encoder,
    Epochs,
    GpusPerTrial,
    NumberFormat,
    Oracle,
    PipelineOptions,
    ProfileName,
    ProfileProbe,
    ProfileViews,
    Size,
    SupervisedExtent,
    TrialTimeout,
)
from bench.record.profiles import CHECKPOINT_S, TRIAL_TIMEOUT_S
from bench.terminal.command_line import Option


class ReproduceOptions(PipelineOptions):
    """The options of `bench.reproduce`, in the order of `--help`."""

    dataset: Dataset = "marrow-mini"
    profile: ProfileName = "auto"
    also: Annotated[
        list[Path], Option("File of a further configuration: method, parameters; repeat for more", metavar="FILE")
    ] = []  # noqa: RUF012 - pydantic copies the default
    dry_run: Annotated[bool, Option("Predict the cost, and stop")] = False
    patches_per_s: Annotated[
        float | None,
        Field(ge=1e-3, le=1e9),
        Option("Speed that the cost is predicted from", default="measured"),
    ] = None
    seed: AllSeeds = 0

    epochs: Epochs = None
    folds: Annotated[int, Field(ge=2, le=5), Option("Folds of the pool, each left out in turn", BUDGET)] = 5
    seeds: Annotated[int, Field(ge=1, le=1000), Option("Trainings of a configuration on a fold", BUDGET)] = 1
    oracle: Oracle = None
    supervised: SupervisedExtent = "fold"

    size: Size = "auto"
    encoder: Encoder = None
    batch_size: BatchSize = None
    views: ProfileViews = None
    probe: ProfileProbe = None
    precision: NumberFormat = None
    compile: Compile = None

    concurrent: Concurrent = "auto"
    cpus_per_trial: CpusPerTrial = "auto"
    gpus_per_trial: GpusPerTrial = "auto"
    address: Address = None

    resume: Annotated[str | None, Option("Continue a stopped reproduction", RESUME, metavar="NAME")] = None
    name: Annotated[str | None, Option("Name of the reproduction", RESUME, default="data set and time")] = None
    checkpoint_every: CheckpointEvery = CHECKPOINT_S
    trial_timeout: TrialTimeout = TRIAL_TIMEOUT_S
