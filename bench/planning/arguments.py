"""What was typed for a search, and which of it cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from bench.space.objectives import parse_objectives
from bench.space.samplers import SAMPLERS
from bench.terminal.parsing import number, whole
from cellbench.errors import SettingError
from cellbench.training.configuration import TrainingSettings


@dataclass(frozen=True)
class SearchArguments:
    """What was typed, None where nothing was. Names and meanings are those of the options of `bench.search`."""

    command: str
    methods: Sequence[str]
    dataset: str
    name: str | None = None
    profile: str = "auto"
    set: Sequence[str] = ()
    space: Path | None = None
    sampler: str = "tpe"
    warm_start: bool = False
    scheduler: str | None = None
    objective: str = "f1"
    trials: int | None = None
    epochs: int | None = None
    folds: int | None = None
    finalists: int | None = None
    seeds: int | None = None
    seed: int = 0
    size: str = "auto"
    time_budget: str | None = None
    stop_early: bool = False
    screen_size: int | None = None
    screen_pool: float = 1.0
    share_trials: bool = False
    trial_timeout: str | None = None
    checkpoint_every: str | None = None
    oracle: bool = True
    concurrent: str = "auto"
    cpus_per_trial: str = "auto"
    gpus_per_trial: str = "auto"
    address: str | None = None
    training: dict[str, Any] = field(default_factory=dict)


def check_options(asked: SearchArguments) -> None:
    """Check that the objectives exist, and that no two options exclude each other.

    Raises:
        CellbenchError: They do, or there is no such objective.
    """
    sampler = SAMPLERS.get(asked.sampler)
    if sampler.is_exhaustive:
        for option, given in (("--warm-start", asked.warm_start), ("--share-trials", asked.share_trials)):
            if given:
                raise SettingError(f"{option} has no effect with --sampler {sampler.name}, which tries only the grid.")
    if len(parse_objectives(asked.objective)) > 1:
        if not sampler.is_multi_objective:
            able = ", ".join(record.name for record in SAMPLERS.items() if record.thing.is_multi_objective)
            raise SettingError(f"--sampler {sampler.name} optimises one objective; for several, choose {able}.")
        if asked.scheduler == "asha":
            raise SettingError("--scheduler asha compares trials by one number; with several objectives leave it away.")
        for option, given in (("--stop-early", asked.stop_early), ("--share-trials", asked.share_trials)):
            if given:
                raise SettingError(f"{option} looks at one number; with several objectives leave it away.")


def read_resources(
    concurrent: str, cpus: str, gpus: str
) -> tuple[int | Literal["auto"], int | Literal["auto"], float | Literal["auto"]]:
    """Return what `--concurrent`, `--cpus-per-trial` and `--gpus-per-trial` say, `auto` or a number.

    Raises:
        SettingError: One of them is neither.
    """
    return whole("--concurrent", concurrent), whole("--cpus-per-trial", cpus), number("--gpus-per-trial", gpus)


def settings_from(values: dict[str, Any]) -> TrainingSettings:
    """Return training settings; the error for a bad one names its option.

    Raises:
        SettingError: A value is out of range.
    """
    try:
        return TrainingSettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("network_size", "size").replace("_", "-")
        raise SettingError(f"--{option} {first['input']}: {first['msg'].lower()}.") from None
