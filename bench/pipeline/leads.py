"""The lead of a ceiling over the strongest floor, from out-of-fold predictions of the same patches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.statistics.share import Lead

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

Predictions = list[np.ndarray]
"""Predicted class codes of the labelled patches, one array of shape (N,) for each fit."""


def predictions_of(patch_set: "PatchSet", embeddings: Sequence[np.ndarray], probe: str) -> Predictions:
    """Return the predictions of cross-validated probes: for each seed of an encoder, one for each seed of the probe.

    Folds and seeds are those of the cross-validated scores.

    Args:
        patch_set: The data set.
        embeddings: Embeddings of the labelled patches for each seed of the encoder, each of shape (N, D).
        probe: Name of the probe.
    """
    from cellbench.scores.classification import out_of_fold

    rows = patch_set.rows("labelled")
    labels, groups, n_classes = patch_set.labels(rows), patch_set.groups(rows), len(patch_set.card.classes)
    return [predictions for each in embeddings for predictions in out_of_fold(each, labels, groups, n_classes, probe)]


def lead(patch_set: "PatchSet", ceiling: Predictions, floor: Predictions, among: np.ndarray | None = None) -> Lead:
    """Return the lead of a ceiling over a floor, with its interval over groups.

    Args:
        patch_set: The data set.
        ceiling: Predictions of the ceiling.
        floor: Predictions of the floor.
        among: Positions of the labelled patches that are compared, the others are left out; None for all.
    """
    from cellbench.probes.f1 import macro_f1
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
