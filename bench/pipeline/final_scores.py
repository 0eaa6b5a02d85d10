"""The final scores of a search: floors, winner and ceiling, holdout included; computed in a worker, as a trial is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cellbench.dataset_identity import DatasetIdentity
from cellbench.training.configuration import Configuration, TrainingSettings

if TYPE_CHECKING:
    from cellbench.patches import PatchSet
    from cellbench.scores.group_interval import GroupInterval
    from cellbench.suppression import Suppression

ORACLE = "oracle"
"""Name of the ceiling: patches masked by their contour."""


@dataclass(frozen=True)
class HoldoutScore:
    """Macro F1 on the holdout.

    Attributes:
        f1_macro: Mean over fresh seeds and seeds of the probe.
        f1_std: Standard deviation over fresh seeds; None where there is only one.
        interval: Its 95 % interval over groups, or why there is none.
        n_patches: Number of patches in the holdout.
    """

    f1_macro: float
    f1_std: float | None
    interval: "GroupInterval"
    n_patches: int


@dataclass(frozen=True)
class FinalScore:
    """The final score of a floor, of the winner or of the ceiling.

    Attributes:
        kind: `method` for the winner, `floor` or `ceiling`.
        name: Name of the method; `random`, `pca` or `pca_masked` of a floor, `oracle` of the ceiling.
        n_seeds: Number of seeds in the means.
        f1_macro: Cross-validated macro F1 on the labelled patches, mean over seeds.
        f1_std: Its standard deviation over seeds, for a floor without seeds over folds; None where there is one seed.
        holdout: Score on the holdout; None where the holdout is empty.
    """

    kind: Literal["method", "floor", "ceiling"]
    name: str
    n_seeds: int
    f1_macro: float
    f1_std: float | None
    holdout: HoldoutScore | None


@dataclass(frozen=True)
class FinalScoringJob:
    """What the final scores are computed from.

    Attributes:
        dataset: Folder of the patch set.
        cache: Folder of resized copies.
        settings: Settings of the search.
        seeds: Fresh seeds.
        trained: Trained encoders by name (the winning method, `oracle`): folder and macro F1 of each training from a
            fresh seed.
        masked: Configuration whose view and mask `pca_masked` uses; None leaves that floor out.
        r_max: Trained radius of that configuration's mask in native px; None where the mask has no radius.
    """

    dataset: DatasetIdentity
    cache: Path
    settings: TrainingSettings
    seeds: tuple[int, ...]
    trained: dict[str, tuple[tuple[Path, float], ...]]
    masked: Configuration | None
    r_max: float | None


def score_finals(job: FinalScoringJob) -> list[FinalScore]:
    """Return the scores of floors and trained encoders, on the labelled patches and on the holdout.

    Raises:
        ChangedDataError: The data set is missing, damaged or changed.
    """
    from cellbench.patches import DataGuard

    guard = DataGuard(job.dataset, job.cache)
    with guard.unchanged():
        return _score(job, guard.patch_set)


def _score(job: FinalScoringJob, patch_set: "PatchSet") -> list[FinalScore]:
    import torch

    from cellbench.scores.floors import floor_rows, principal_components, untrained
    from cellbench.suppression import build_suppression
    from cellbench.threads import use_threads
    from cellbench.training.configuration import Configuration as AnyConfiguration

    use_threads(job.settings.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size, native = job.settings.network_size, patch_set.card.native_size
    rows = floor_rows(patch_set)
    patches = patch_set.resized(size, job.cache)
    plain = build_suppression("vae", {}, native, size, AnyConfiguration(method="vae").latent_dim)
    floors = [untrained(patches, rows, job.settings, native, device, job.seeds)]
    floors.append(principal_components("pca", patches, rows, plain, job.settings.views))
    if job.masked is not None:
        suppression = build_suppression(job.masked.method, dict(job.masked.params), native, size, job.masked.latent_dim)
        seen = patch_set.resized(suppression.source_size, job.cache)
        mask = _mask(job, suppression, native)
        floors.append(principal_components("pca_masked", seen, rows, suppression, job.settings.views, mask))
    scores = [
        FinalScore(
            "floor",
            floor.name,
            len(floor.scores),
            floor.f1_macro,
            floor.f1_std,
            _holdout(patch_set, floor.labelled, floor.holdout),
        )
        for floor in floors
    ]
    return scores + [_trained(patch_set, name, trainings) for name, trainings in job.trained.items()]


def _mask(job: FinalScoringJob, suppression: "Suppression", native_size: int) -> np.ndarray:
    """Return the weight map of `job.masked`, values ≥ 0, shape (view_size, view_size)."""
    import torch

    from cellbench.suppression import build_suppression

    assert job.masked is not None
    if job.r_max is not None:  # only its training knows a learned radius
        params = {"r_max": job.r_max, "shape": job.masked.params.get("shape", "sqrt"), "normalize": False}
        suppression = build_suppression("mask_fixed", params, native_size, job.settings.network_size, 1)
    latent = torch.zeros(1, job.masked.latent_dim)
    with torch.no_grad():
        return np.asarray(suppression.weights(latent, suppression.view_size, None).map[0, 0])


def _trained(patch_set: "PatchSet", name: str, trainings: Sequence[tuple[Path, float]]) -> FinalScore:
    stored = [np.load(folder / "embeddings.npz", allow_pickle=False) for folder, _ in trainings]
    f1 = [score for _, score in trainings]
    return FinalScore(
        "ceiling" if name == ORACLE else "method",
        name,
        len(f1),
        float(np.mean(f1)),
        float(np.std(f1, ddof=1)) if len(f1) > 1 else None,
        _holdout(patch_set, [each["labelled"] for each in stored], [each["holdout"] for each in stored]),
    )


def _holdout(
    patch_set: "PatchSet", labelled: Sequence[np.ndarray], holdout: Sequence[np.ndarray]
) -> HoldoutScore | None:
    """Fit probes on all labelled patches, and return their score on the holdout; None where it is empty.

    Args:
        patch_set: The data set.
        labelled: Embeddings of the labelled patches for each fresh seed, each of shape (N, D).
        holdout: Embeddings of the holdout likewise, each of shape (M, D).
    """
    from cellbench.scores.classification import macro_f1
    from cellbench.scores.group_interval import f1_interval
    from cellbench.scores.probe import DEFAULT_SEEDS, fit_probe

    rows, known = patch_set.rows("holdout"), patch_set.rows("labelled")
    if len(rows) == 0:
        return None
    n_classes = len(patch_set.card.classes)
    labels, truth = patch_set.labels(known), patch_set.labels(rows)
    predictions = [
        [fit_probe(train, labels, n_classes, seed).predict(test) for seed in DEFAULT_SEEDS]
        for train, test in zip(labelled, holdout, strict=True)
    ]
    f1 = [np.mean([macro_f1(truth, each, n_classes) for each in fits]) for fits in predictions]
    flat = [each for fits in predictions for each in fits]
    interval = f1_interval(truth, flat, patch_set.groups(rows), n_classes)
    spread = float(np.std(f1, ddof=1)) if len(f1) > 1 else None
    return HoldoutScore(float(np.mean(f1)), spread, interval, len(rows))
