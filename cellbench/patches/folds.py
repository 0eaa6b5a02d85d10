"""Folds that never split a group."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellbench.errors import DataError

Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""For each fold, the positions to train on and the positions to validate on."""


def pool_folds(groups: ArrayLike, labels: ArrayLike | None = None, n_folds: int = 5, seed: int = 0) -> Folds:
    """Divide the pool by group into folds of about equal size.

    Args:
        groups: N codes or names of groups.
        labels: Must be None: the pool has no labels.
        n_folds: Number of folds, 2 or more.
        seed: Seed of the shuffle.

    Returns:
        `n_folds` pairs of int64 positions into `groups`; the second members are a partition of all positions.

    Raises:
        DataError: If there are fewer groups than folds, or labels are given.
    """
    if labels is not None:
        raise DataError("Folds of the pool are drawn without labels; pass labels to probe_folds only.")
    names = _codes(groups, n_folds, "The patches of the pool")
    sizes = np.bincount(names)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    if sizes.max() == 1:
        fold_of[order] = np.arange(len(order)) % n_folds
    else:  # the largest groups first, each into the fold that is smallest so far
        filled = np.zeros(n_folds, dtype=np.int64)
        for group in order:
            smallest = int(np.argmin(filled))
            fold_of[group] = smallest
            filled[smallest] += sizes[group]
    fold = fold_of[names]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def probe_folds(labels: ArrayLike, groups: ArrayLike, n_folds: int = 5, seed: int = 0) -> Folds:
    """Divide labelled patches by group into folds with about the same share of each class.

    scikit-learn's StratifiedGroupKFold; StratifiedKFold, which does the same faster, where each patch is a group.

    Args:
        labels: N codes or names of classes.
        groups: N codes or names of groups.
        n_folds: Number of folds, 2 or more.
        seed: Seed of the shuffle.

    Returns:
        `n_folds` pairs of int64 positions; the second members are a partition of all positions.

    Raises:
        DataError: If there are fewer groups than folds, or fewer than two classes, or too few patches of each.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    names = _codes(groups, n_folds, "The labelled patches")
    classes, codes = np.unique(np.asarray(labels), return_inverse=True)
    if len(codes) != len(names):
        raise DataError(f"There are {len(codes)} labels for {len(names)} groups; give one of each for each patch.")
    if len(classes) < 2:
        raise DataError("The labelled patches are all of one class; a probe needs two classes or more.")
    if (largest := np.bincount(codes).max()) < n_folds:
        raise DataError(
            f"No class has more than {largest} labelled patches, fewer than the {n_folds} folds; "
            "add labelled images, or ask for fewer folds."
        )
    singles = len(np.unique(names)) == len(names)
    kind = StratifiedKFold if singles else StratifiedGroupKFold
    with warnings.catch_warnings():  # scikit-learn: "least populated class has fewer members than n_splits"
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        splitter = kind(n_splits=n_folds, shuffle=True, random_state=seed)
        pairs = list(splitter.split(np.zeros(len(codes)), codes, None if singles else names))
    return [(np.asarray(train, dtype=np.int64), np.asarray(test, dtype=np.int64)) for train, test in pairs]


def _codes(groups: ArrayLike, n_folds: int, whose: str) -> NDArray[np.int64]:
    if n_folds < 2:
        raise DataError(f"At least 2 folds are needed, got {n_folds}.")
    values, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(values) < n_folds:
        raise DataError(
            f"{whose} come from {len(values)} groups, fewer than the {n_folds} folds; "
            "add images of more slides or patients, or ask for fewer folds."
        )
    return codes.astype(np.int64)
