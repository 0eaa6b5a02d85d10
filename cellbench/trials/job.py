"""A trial as a job: all that a worker must know to run it, and what decides its numbers."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cellbench.training.configuration import Configuration, TrainingSettings

N_POOL_FOLDS = 5


class TrialJob(BaseModel):
    """All that a worker must know to run a trial.

    Attributes:
        dataset: Folder of the patch set.
        fingerprint: Fingerprint of the patch set.
        cache: Folder for resized copies.
        directory: Where the trial's files go.
        configuration: What is trained.
        settings: What all trials of the search share.
        stage: `search` and `folds` train on four fifths of the pool, `final` on all of it, `oracle` as `final` on
            patches that are masked by their contour.
        fold: Which fifth of the pool is left out; None trains on the whole pool.
        pool_share: Share of those patches that are trained on, drawn, the same for all trials.
        seed: Seed of the training.
        rungs: Epochs after which the probe scores the trial.
        keep_encoder: Whether to keep the weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Path
    fingerprint: str
    cache: Path
    directory: Path
    configuration: Configuration
    settings: TrainingSettings
    stage: Literal["search", "folds", "final", "oracle"] = "search"
    fold: int | None = Field(0, ge=0, lt=N_POOL_FOLDS)
    pool_share: float = Field(1.0, gt=0, le=1)
    seed: int = 0
    rungs: tuple[int, ...] = ()
    keep_encoder: bool = False

    @property
    def key(self) -> str:
        """Name of the trial, unique within a search."""
        fold = "all" if self.fold is None else self.fold
        return f"{self.configuration.id}-{self.stage}-f{fold}-s{self.seed}"

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the trial's numbers; where its files lie does not."""
        return self.model_dump(mode="json", exclude={"dataset", "cache", "directory", "keep_encoder"})
