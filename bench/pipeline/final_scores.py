"""How a search ends: floors, ceiling, and the one look at the holdout; runs in a worker with a trial's resources."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cellbench.training.configuration import Configuration, TrainingSettings

if TYPE_CHECKING:
    from cellbench.patches import PatchSet
    from cellbench.suppression import Suppression

PROBE_SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class HoldoutScore:
    """Macro F1 on the holdout.

    Attributes:
        f1_macro: Mean over fresh seeds and seeds of the probe.
        f1_std: Standard deviation over fresh seeds; None where there is one only.
        low: Lower end of the 95 % bootstrap interval over groups.
        high: Upper end.
        n_patches: Number of patches.
    """

    f1_macro: float
    f1_std: float | None
    low: float
    high: float
    n_patches: int


@dataclass(frozen=True)
class FinalScore:
    """A floor, a ceiling or the winner.

    Attributes:
        name: `random`, `pca`, `pca_masked`, `oracle` or a method.
        f1_macro: Macro F1 on the labelled patches, cross-validated.
        f1_std: Its standard deviation over seeds; of a floor without seeds, over folds.
        holdout: Score on the holdout; None where that is empty.
    """

    name: str
    f1_macro: float
    f1_std: float | None
    holdout: HoldoutScore | None


@dataclass(frozen=True)
class FinalScoringJob:
    """What to score.

    Attributes:
        dataset: Folder of the patch set.
        cache: Folder of resized copies.
        settings: Those of the search.
        seeds: Fresh seeds.
        trained: For the winner and the ceiling, folder and macro F1 of each training from a fresh seed.
        masked: Configuration whose mask or crop `pca_masked` uses; None leaves that floor out.
        r_max: Radius in native px of that configuration's mask, as it was trained; None where it has none.
    """

    dataset: Path
    cache: Path
    settings: TrainingSettings
    seeds: tuple[int, ...]
    trained: dict[str, tuple[tuple[Path, float], ...]]
    masked: Configuration | None
    r_max: float | None


def score_finals(job: FinalScoringJob) -> list[FinalScore]:
    """Return the floors, and the scores of what was trained, each on the labelled patches and on the holdout.

    Args:
        job: What to score.
    """
    import torch

    from cellbench.patches import PatchSet
    from cellbench.scores.floors import floor_rows, principal_components, untrained
    from cellbench.suppression import build_suppression
    from cellbench.training.configuration import Configuration as AnyConfiguration

    if job.settings.threads is not None:
        torch.set_num_threads(job.settings.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    patch_set = PatchSet.open(job.dataset)
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
    ends = [
        FinalScore(floor.name, floor.f1_macro, floor.f1_std, _holdout(patch_set, floor.labelled, floor.holdout))
        for floor in floors
    ]
    return ends + [_trained(patch_set, name, trainings) for name, trainings in job.trained.items()]


def _mask(job: FinalScoringJob, suppression: "Suppression", native_size: int) -> np.ndarray:
    """Return the weight map of the winner, shape (view_size, view_size)."""
    import torch

    from cellbench.suppression import build_suppression

    assert job.masked is not None
    if job.r_max is not None:  # a learned radius is known from its training alone
        params = {"r_max": job.r_max, "shape": job.masked.params.get("shape", "sqrt"), "normalize": False}
        suppression = build_suppression("mask_fixed", params, native_size, job.settings.network_size, 1)
    latent = torch.zeros(1, job.masked.latent_dim)
    with torch.no_grad():
        return np.asarray(suppression.weights(latent, suppression.view_size, None).map[0, 0])


def _trained(patch_set: "PatchSet", name: str, trainings: Sequence[tuple[Path, float]]) -> FinalScore:
    stored = [np.load(folder / "embeddings.npz", allow_pickle=False) for folder, _ in trainings]
    f1 = [score for _, score in trainings]
    return FinalScore(
        name,
        float(np.mean(f1)),
        float(np.std(f1, ddof=1)) if len(f1) > 1 else None,
        _holdout(patch_set, [each["labelled"] for each in stored], [each["holdout"] for each in stored]),
    )


def _holdout(
    patch_set: "PatchSet", labelled: Sequence[np.ndarray], holdout: Sequence[np.ndarray]
) -> HoldoutScore | None:
    """Fit probes on all labelled patches and judge them on the holdout."""
    from cellbench.scores.classification import bootstrap_f1, macro_f1
    from cellbench.scores.probe import fit_probe

    rows, known = patch_set.rows("holdout"), patch_set.rows("labelled")
    if len(rows) == 0:
        return None
    n_classes = len(patch_set.card.classes)
    labels, truth = patch_set.labels(known), patch_set.labels(rows)
    predictions = [
        [fit_probe(train, labels, n_classes, seed).predict(test) for seed in PROBE_SEEDS]
        for train, test in zip(labelled, holdout, strict=True)
    ]
    f1 = [np.mean([macro_f1(truth, each, n_classes) for each in fits]) for fits in predictions]
    flat = [each for fits in predictions for each in fits]
    low, high = bootstrap_f1(truth, flat, patch_set.groups(rows), n_classes)
    spread = float(np.std(f1, ddof=1)) if len(f1) > 1 else None
    return HoldoutScore(float(np.mean(f1)), spread, low, high, len(rows))
