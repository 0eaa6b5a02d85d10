"""The final scores of a search: floors, winner and ceiling, holdout included; computed in a worker, as a trial is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.pipeline.leads import lead, predictions_of
from bench.pipeline.supervised import Supervised, SupervisedCeiling, supervised_ceiling
from bench.statistics.share import Lead
from cellbench.dataset_identity import DatasetIdentity
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.trials.names import EMBEDDINGS

if TYPE_CHECKING:
    from cellbench.floors import CachedFloor
    from cellbench.patches import PatchSet
    from cellbench.scores.confusions import Confusions
    from cellbench.scores.group_interval import GroupInterval

ORACLE = "oracle"
"""Name of the ceiling: patches masked by their contour."""
SUPERVISED = "supervised"


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
        name: Name of the method or floor, `oracle` of the ceiling.
        n_seeds: Number of seeds in the means.
        f1_macro: Cross-validated macro F1 on the labelled patches, mean over seeds.
        f1_std: Its standard deviation over seeds, for a floor without seeds over folds; None where there is one seed.
        holdout: Score on the holdout; None where the holdout is empty.
        few_labels: Of a floor, its macro F1 by the number of labels a class.
        lead: Of a ceiling, its lead over the strongest floor; None for all others.
        confusions: Of a floor or of a ceiling without trials, the counts of the labelled patches; None for all others.
    """

    kind: Literal["method", "floor", "ceiling"]
    name: str
    n_seeds: int
    f1_macro: float
    f1_std: float | None
    holdout: HoldoutScore | None
    few_labels: Mapping[int, float] = field(default_factory=dict)
    lead: Lead | None = None
    confusions: "Confusions | None" = None


@dataclass(frozen=True)
class FinalScoringJob:
    """What the final scores are computed from.

    Attributes:
        dataset: Folder of the patch set.
        cache: Folder of resized copies and of floors.
        settings: Settings of the search.
        seeds: Fresh seeds.
        trained: Trained encoders by name (the winning method, `oracle`): folder and macro F1 of each training from a
            fresh seed.
        masked: Configuration whose view and mask floors see patches through; None where no method has one.
        supervised: Extent of the supervised ceiling.
        r_max: Trained radius of that configuration's mask in native px; None where the mask has no radius.
        holdout: Whether the holdout is scored too.
    """

    dataset: DatasetIdentity
    cache: Path
    settings: TrainingSettings
    seeds: tuple[int, ...]
    trained: dict[str, tuple[tuple[Path, float], ...]]
    masked: Configuration | None
    r_max: float | None
    supervised: Supervised = "none"
    holdout: bool = True


def cached_parts(job: FinalScoringJob) -> list[str]:
    """Return the names of what `compute_part` computes, the longest first."""
    from cellbench.floors import FLOORS

    ceiling = [] if job.supervised == "none" else [SUPERVISED]
    return [*ceiling, *sorted(FLOORS.names(), key=lambda name: -FLOORS.get(name).typical_seconds)]


def compute_part(job: FinalScoringJob, part: str) -> None:
    """Compute a floor or the supervised ceiling, and leave it in the cache, from which `score_finals` reads it.

    Args:
        job: What the final scores are computed from.
        part: One of `cached_parts`. A floor that cannot be computed is left out here; `score_finals` says why.

    Raises:
        ChangedDataError: The data set is missing, damaged or changed.
        TrainingError: The loss of the ceiling became infinite or NaN.
    """
    from cellbench.patches import DataGuard

    guard = DataGuard(job.dataset, job.cache)
    with guard.unchanged():
        device = _device(job)
        if part == SUPERVISED:
            _ceiling(job, guard.patch_set, device)
            return
        for floor in _floors(job, guard.patch_set, [part], device)[0]:
            floor.f1_macro(job.settings.probe)
            floor.few_labels(job.settings.probe)
            for seed in floor.seeds if job.holdout else ():
                floor.embeddings(seed, "holdout")


def score_finals(job: FinalScoringJob) -> tuple[list[FinalScore], list[str]]:
    """Return the scores of floors and trained encoders, on the labelled patches and on the holdout.

    Returns:
        The scores, and for each floor that cannot be computed a sentence that says why.

    Raises:
        ChangedDataError: The data set is missing, damaged or changed.
    """
    from cellbench.patches import DataGuard

    guard = DataGuard(job.dataset, job.cache)
    with guard.unchanged():
        return _score(job, guard.patch_set)


def _score(job: FinalScoringJob, patch_set: "PatchSet") -> tuple[list[FinalScore], list[str]]:
    from cellbench.floors import FLOORS

    device, probe = _device(job), job.settings.probe
    cached, missing = _floors(job, patch_set, FLOORS.names(), device)
    scores = [_floor(patch_set, floor, job) for floor in cached]
    scores += [_trained(patch_set, name, trainings, job) for name, trainings in job.trained.items()]
    if job.supervised == "none" and all(score.kind != "ceiling" for score in scores):
        return scores, missing
    strongest = max(cached, key=lambda floor: floor.f1_macro(probe))
    below = predictions_of(patch_set, [strongest.embeddings(seed, "labelled") for seed in strongest.seeds], probe)
    for number, score in enumerate(scores):
        if score.kind == "ceiling":
            own = predictions_of(patch_set, [each["labelled"] for each in _stored(job.trained[score.name])], probe)
            scores[number] = replace(score, lead=lead(patch_set, own, below))
    if job.supervised != "none":
        found = _ceiling(job, patch_set, device)
        scores.append(_supervised(patch_set, found, job, lead(patch_set, [found.predictions], below, found.among)))
    return scores, missing


def _device(job: FinalScoringJob) -> str:
    """Return the device that computes, and use the CPU threads of the job."""
    import torch

    from cellbench.threads import use_threads

    use_threads(job.settings.threads)
    return "cuda" if torch.cuda.is_available() else "cpu"


def _floors(
    job: FinalScoringJob, patch_set: "PatchSet", names: Sequence[str], device: str
) -> tuple[list["CachedFloor"], list[str]]:
    """Return the floors that can be computed, and for each of the others the sentence that says why not."""
    from cellbench.floors import CachedFloor, FloorMask, available_floors, floor_context

    mask = None if job.masked is None else FloorMask(job.masked, job.r_max)
    context = floor_context(patch_set, job.settings, job.seeds, mask, device)
    floors, missing = available_floors(names, context)
    return [CachedFloor(n, each, patch_set, job.seeds, job.cache, device) for n, each in floors.items()], missing


def _ceiling(job: FinalScoringJob, patch_set: "PatchSet", device: str) -> SupervisedCeiling:
    """Return the supervised ceiling, without a training for a holdout that is not used."""
    assert job.supervised != "none"
    shared = job.settings, job.supervised, job.seeds[0], job.cache, device
    return supervised_ceiling(patch_set, *shared, with_holdout=job.holdout)


def _supervised(patch_set: "PatchSet", ceiling: SupervisedCeiling, job: FinalScoringJob, lead: Lead) -> FinalScore:
    from cellbench.probes.f1 import confusion, macro_f1
    from cellbench.scores.confusions import Confusions
    from cellbench.scores.group_interval import f1_interval

    n_classes, rows, unseen = len(patch_set.card.classes), patch_set.rows("labelled"), patch_set.rows("holdout")
    scored = patch_set.labels(rows)[ceiling.among], ceiling.predictions[ceiling.among], n_classes
    f1, counts = macro_f1(*scored), Confusions(tuple(patch_set.card.classes), confusion(*scored)[None])
    holdout = None
    if ceiling.holdout is not None and job.holdout:
        truth = patch_set.labels(unseen)
        interval = f1_interval(truth, [ceiling.holdout], patch_set.groups(unseen), n_classes)
        holdout = HoldoutScore(macro_f1(truth, ceiling.holdout, n_classes), None, interval, len(unseen))
    return FinalScore("ceiling", ceiling.name, 1, f1, None, holdout, lead=lead, confusions=counts)


def _floor(patch_set: "PatchSet", floor: "CachedFloor", job: FinalScoringJob) -> FinalScore:
    from cellbench.scores.confusions import Confusions

    probe, holdout = job.settings.probe, None
    if job.holdout:
        holdout = _holdout(
            patch_set,
            [floor.embeddings(seed, "labelled") for seed in floor.seeds],
            [floor.embeddings(seed, "holdout") for seed in floor.seeds],
            probe,
        )
    return FinalScore(
        "floor",
        floor.name,
        len(floor.seeds),
        floor.f1_macro(probe),
        floor.f1_std(probe),
        holdout,
        floor.few_labels(probe),
        confusions=Confusions(
            tuple(patch_set.card.classes),
            np.concatenate([floor.scores(seed, probe).confusions for seed in floor.seeds]),
        ),
    )


def _trained(
    patch_set: "PatchSet", name: str, trainings: Sequence[tuple[Path, float]], job: FinalScoringJob
) -> FinalScore:
    stored, holdout = _stored(trainings), None
    if job.holdout:
        labelled, unseen = ([each[role] for each in stored] for role in ("labelled", "holdout"))
        holdout = _holdout(patch_set, labelled, unseen, job.settings.probe)
    f1 = [score for _, score in trainings]
    return FinalScore(
        "ceiling" if name == ORACLE else "method",
        name,
        len(f1),
        float(np.mean(f1)),
        float(np.std(f1, ddof=1)) if len(f1) > 1 else None,
        holdout,
    )


def _stored(trainings: Sequence[tuple[Path, float]]) -> list[Mapping[str, np.ndarray]]:
    """Return the embeddings of trainings, by role."""
    return [np.load(folder / EMBEDDINGS, allow_pickle=False) for folder, _ in trainings]


def _holdout(
    patch_set: "PatchSet", labelled: Sequence[np.ndarray], holdout: Sequence[np.ndarray], probe: str
) -> HoldoutScore | None:
    """Fit probes on all labelled patches, and return their score on the holdout; None where it is empty.

    Args:
        patch_set: The data set.
        labelled: Embeddings of the labelled patches for each fresh seed, each of shape (N, D).
        holdout: Embeddings of the holdout likewise, each of shape (M, D).
        probe: Name of the probe.
    """
    from cellbench.probes import PROBES
    from cellbench.probes.f1 import macro_f1
    from cellbench.scores.group_interval import f1_interval

    rows, known = patch_set.rows("holdout"), patch_set.rows("labelled")
    if len(rows) == 0:
        return None
    n_classes = len(patch_set.card.classes)
    labels, groups, truth = patch_set.labels(known), patch_set.groups(known), patch_set.labels(rows)
    kind = PROBES.get(probe)
    predictions = [
        [fitted.predict(test) for fitted in kind.fit_whole(train, labels, groups, n_classes, kind.seeds)]
        for train, test in zip(labelled, holdout, strict=True)
    ]
    f1 = [np.mean([macro_f1(truth, each, n_classes) for each in fits]) for fits in predictions]
    flat = [each for fits in predictions for each in fits]
    interval = f1_interval(truth, flat, patch_set.groups(rows), n_classes)
    spread = float(np.std(f1, ddof=1)) if len(f1) > 1 else None
    return HoldoutScore(float(np.mean(f1)), spread, interval, len(rows))
