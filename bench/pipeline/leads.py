"""The lead of a ceiling over the strongest floor, from out-of-fold predictions of the same patches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.statistics.share import Lead

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

Predictions = list[np.ndarray]
"""Predicted class codes of the labelled patches, one array of shape (N,) for each fit."""


def out_of_fold(patch_set: "PatchSet", embeddings: Sequence[np.ndarray]) -> Predictions:
    """Return the predictions of cross-validated probes: for each seed of an encoder, one for each seed of the probe.

    Folds and seeds are those of the cross-validated scores.

    Args:
        patch_set: The data set.
        embeddings: Embeddings of the labelled patches for each seed of the encoder, each of shape (N, D).
    """
    from cellbench.patches import probe_folds
    from cellbench.scores.classification import N_FOLDS
    from cellbench.scores.probe import DEFAULT_SEEDS, fit_probes

    rows = patch_set.rows("labelled")
    labels, n_classes = patch_set.labels(rows), len(patch_set.card.classes)
    folds = probe_folds(labels, patch_set.groups(rows), n_folds=N_FOLDS, seed=0)
    found = []
    for each in embeddings:
        probes = iter(fit_probes(each, labels, n_classes, [(train, s) for s in DEFAULT_SEEDS for train, _ in folds]))
        for _ in DEFAULT_SEEDS:
            predicted = np.empty_like(labels)
            for _, test in folds:
                predicted[test] = next(probes).predict(each[test])
            found.append(predicted)
    return found


def lead(patch_set: "PatchSet", ceiling: Predictions, floor: Predictions, among: np.ndarray | None = None) -> Lead:
    """Return the lead of a ceiling over a floor, with its interval over groups.

    Args:
        patch_set: The data set.
        ceiling: Predictions of the ceiling.
        floor: Predictions of the floor.
        among: Positions of the labelled patches that are compared, the others are left out; None for all.
    """
    from cellbench.scores.classification import macro_f1
    from cellbench.scores.group_interval import difference_interval

    rows = patch_set.rows("labelled")
    chosen = np.arange(len(rows)) if among is None else among
    labels, groups, n_classes = (
        patch_set.labels(rows)[chosen],
        patch_set.groups(rows)[chosen],
        len(patch_set.card.classes),
    )
    own, other = ([each[chosen] for each in predictions] for predictions in (ceiling, floor))
    f1 = [float(np.mean([macro_f1(labels, each, n_classes) for each in fits])) for fits in (own, other)]
    interval = difference_interval(labels, own, other, groups, n_classes)
    return Lead(f1[0] - f1[1], interval.low, interval.high, interval.words)
