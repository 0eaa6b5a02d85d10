"""The description of a trial: everything that a worker needs to run it, and everything that its numbers depend on."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cellbench.dataset_identity import CellRadius, DatasetIdentity
from cellbench.training.configuration import Configuration, TrainingSettings

N_POOL_FOLDS = 5


class TrialJob(BaseModel):
    """Everything that a worker needs to run a trial.

    Attributes:
        dataset: Folder of the patch set.
        fingerprint: Fingerprint of the patch set.
        cell_radius_px: Cell radius of its card in native px, None where it has none; `unrecorded` is not compared.
        cache: Folder for resized copies.
        directory: Folder of the trial's files.
        configuration: Method and hyperparameters.
        settings: Settings that all trials of the search share.
        stage: `search`, `folds` and `protocol` train on four fifths of the pool, `final` on the whole pool, `oracle` on
            the whole pool with patches masked by their contour.
        fold: Fifth of the pool that is left out; None trains on the whole pool.
        pool_share: Share of these patches that is trained on, in 0–1; the same draw for all trials.
        seed: Seed of the training.
        rungs: Epochs after which trials are scored to be compared.
        keep_encoder: Whether to keep the encoder's weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Path
    fingerprint: str
    cell_radius_px: CellRadius = "unrecorded"
    cache: Path
    directory: Path
    configuration: Configuration
    settings: TrainingSettings
    stage: Literal["search", "folds", "protocol", "final", "oracle"] = "search"
    fold: int | None = Field(0, ge=0, lt=N_POOL_FOLDS)
    pool_share: float = Field(1.0, gt=0, le=1)
    seed: int = 0
    rungs: tuple[int, ...] = ()
    keep_encoder: bool = False

    @property
    def key(self) -> str:
        """The name of the trial, unique within a search."""
        fold = "all" if self.fold is None else self.fold
        return f"{self.configuration.id}-{self.stage}-f{fold}-s{self.seed}"

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that the trial's numbers depend on, but not the paths of its files.

        The cell radius is checked when the data set is opened. It is left out, so that results without it stay valid.
        """
        return self.model_dump(mode="json", exclude={"dataset", "cell_radius_px", "cache", "directory", "keep_encoder"})

    @property
    def dataset_identity(self) -> DatasetIdentity:
        """The data set that the trial must be trained and scored on."""
        return DatasetIdentity(self.dataset, self.fingerprint, self.cell_radius_px)
