"""What a search was asked for, with every default filled in; kept as `request.yaml` in the search's folder."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bench.record.folder import SearchFolder
from bench.record.profiles import PROFILES, rungs
from bench.record.trial import TrialRecord
from bench.space.objectives import Objective, parse_objectives
from bench.space.samplers import SAMPLERS
from bench.space.space import Space
from cellbench.disk import write_text
from cellbench.errors import DataError
from cellbench.training.configuration import TrainingSettings

Auto = Literal["auto"]
SEARCH_FOLD = 0
"""The fold that the search stage is scored on: one fixed split of the pool, the same for all."""
TRIAL_TIMEOUT_S = 7200.0
CHECKPOINT_S = 30.0
SEAL = "# Not to be edited; sha256 of what follows: "


class Request(BaseModel):
    """A search, as it was asked for.

    Attributes:
        name: Name of the search and of its folder.
        command: The command that started it.
        created: Seconds since the epoch.
        dataset: Name of the data set.
        dataset_path: Its folder.
        fingerprint: Its fingerprint.
        native_size: Side in px of its patches.
        um_per_px: µm per native px, where known.
        profile: Profile that gave the defaults.
        spaces: Space of each method, lengths in native px.
        sampler: How configurations are chosen.
        warm_start: For each method, the ended searches whose best point it tries first; empty without --warm-start.
        scheduler: Whether unpromising trials are stopped at rungs.
        objective: What is optimised; several, divided by commas, for a Pareto front.
        n_trials: Trials of the search stage, per method.
        n_finalists: Configurations that are trained on further folds.
        n_folds: Folds that a finalist is scored on in all.
        n_seeds: Fresh seeds of the final trainings.
        reduction: ASHA keeps one trial in so many.
        n_rungs: Rungs before the last epoch.
        seed: Seed of everything that is drawn.
        time_budget_s: Seconds after which the search stage ends.
        stop_early: Whether a method gets no further trials once they are unlikely to pay.
        screen_size: Network size in px that configurations are tried at; None for that of all other trainings.
        screen_pool: Share of the patches that configurations are tried on.
        share_trials: Whether promising methods get more trials, and finalists are the best of all methods.
        trial_timeout_s: Seconds after which an epoch of a trial is taken to hang.
        checkpoint_s: Seconds after which a trial's checkpoint is due; rungs have one anyway.
        oracle: Whether the ceiling is trained too.
        settings: What all trainings share.
        concurrent: Trials at once.
        cpus_per_trial: CPUs of a trial.
        gpus_per_trial: GPUs of a trial.
        address: Ray cluster to join; None starts one on this machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    command: str
    created: float = Field(default_factory=time.time)
    dataset: str
    dataset_path: Path
    fingerprint: str
    native_size: int
    um_per_px: float | None
    profile: str
    spaces: tuple[Space, ...]
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
    settings: TrainingSettings
    concurrent: int | Auto
    cpus_per_trial: int | Auto
    gpus_per_trial: float | Auto
    address: str | None

    @property
    def methods(self) -> list[str]:
        """The methods that are compared."""
        return [space.method for space in self.spaces]

    @property
    def primary_objective(self) -> Objective:
        """What is optimised, of several objectives the first."""
        return self.objectives[0]

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All that is optimised, the most important first."""
        return parse_objectives(self.objective)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs after which the probe scores a trial of the search stage."""
        return rungs(self.settings.epochs, self.reduction, self.n_rungs) if self.scheduler == "asha" else ()

    @property
    def max_concurrent(self) -> int:
        """Most trials at once that `auto` chooses, per machine without a GPU or per GPU."""
        return PROFILES[self.profile].max_concurrent

    @property
    def is_screened(self) -> bool:
        """Whether configurations are tried at less than finalists are trained at, so that the two cannot be mixed."""
        return self.screen_size is not None or self.screen_pool < 1

    def size_at(self, stage: str) -> int:
        """Return the network size in px that trials of a stage are trained at."""
        full = self.settings.network_size
        return self.screen_size or full if stage == "search" else full

    def pool_share_at(self, stage: str) -> float:
        """Return the share of the patches that trials of a stage are trained on."""
        return self.screen_pool if stage == "search" else 1.0

    @property
    def further_folds(self) -> list[int]:
        """Folds that finalists are still to be trained on, in the order in which they are raced over."""
        return [fold for fold in range(self.n_folds) if self.is_screened or fold != SEARCH_FOLD]

    @property
    def n_chosen(self) -> int:
        """Finalists of a method (of all where they share trials): one where no race follows."""
        return self.n_finalists if self.further_folds or len(self.objectives) > 1 else 1

    @property
    def n_kept(self) -> int:
        """Trials of each method that go on from a rung at least: as many as are to become its finalists."""
        return 1 if self.share_trials else self.n_chosen

    @property
    def most_finalists(self) -> int:
        """Configurations that become finalists, at most, of all methods together."""
        return self.n_finalists if self.share_trials else len(self.spaces) * self.n_finalists

    @property
    def most_winners(self) -> int:
        """Methods that have a winner of their own, at most."""
        return min(self.n_finalists, len(self.spaces)) if self.share_trials else len(self.spaces)

    def judged(self, records: "Sequence[TrialRecord]") -> "list[TrialRecord]":
        """Return the trials that finalists are judged by: those of the search stage too, unless it only screened."""
        return [record for record in records if not (self.is_screened and record.stage == "search")]

    def n_tried(self, space: Space) -> int:
        """Return how many trials of a method the search stage has: no more than its grid or its space holds."""
        if not space.searched:
            return 1
        return (
            min(self.n_trials, len(space.grid_points())) if SAMPLERS.get(self.sampler).is_exhaustive else self.n_trials
        )

    def final_seeds(self) -> list[int]:
        """Return the seeds of the final trainings, none of which the search has used."""
        return [1000 * (self.seed + 1) + number for number in range(self.n_seeds)]

    def write(self, folder: SearchFolder) -> None:
        """Write `request.yaml`, whole or not at all."""
        text = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
        folder.directory.mkdir(parents=True, exist_ok=True)
        write_text(folder.request_path, f"{SEAL}{_digest(text)}\n{text}")

    @classmethod
    def read(cls, folder: SearchFolder) -> "Request":
        """Read `request.yaml`.

        Raises:
            DataError: It is damaged, or was changed: trials of one search must not differ in what they were asked.
        """
        path = folder.request_path
        try:
            seal, _, text = path.read_text(encoding="utf-8").partition("\n")
            request = cls.model_validate(yaml.safe_load(text))
        except (ValueError, yaml.YAMLError) as error:  # no UTF-8, not the fields, no YAML
            reason = "it is empty" if path.stat().st_size == 0 else str(error).splitlines()[0]
            raise DataError(f"{path} is damaged ({reason}); start the search anew.") from None
        if seal != f"{SEAL}{_digest(text)}":
            raise DataError(f"{path} was changed since the search began; put it back, or start a search of its own.")
        return request


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
