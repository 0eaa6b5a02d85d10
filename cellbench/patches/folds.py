"""Cross-validation folds that never split a group."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellbench.errors import DataError

Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Pairs of positions to train on and positions to validate on, one pair for each fold."""


def pool_folds(groups: ArrayLike, labels: ArrayLike | None = None, n_folds: int = 5, seed: int = 0) -> Folds:
    """Split the pool by group into folds of about equal size.

    Args:
        groups: Group of each patch, N codes or names.
        labels: Must be None, because the pool is used without labels.
        n_folds: Number of folds, 2 or more.
        seed: Seed of the shuffle.

    Returns:
        `n_folds` pairs of int64 positions into `groups`. The second members partition all positions.

    Raises:
        DataError: There are fewer groups than folds, or labels are given.
    """
    if labels is not None:
        raise DataError("Folds of the pool are drawn without labels. Pass labels to probe_folds only.")
    names = _codes(groups, n_folds, "The patches of the pool")
    sizes = np.bincount(names)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    if sizes.max() == 1:
        fold_of[order] = np.arange(len(order)) % n_folds
    else:  # largest groups first, each into the smallest fold so far
        filled = np.zeros(n_folds, dtype=np.int64)
        for group in order:
            smallest = int(np.argmin(filled))
            fold_of[group] = smallest
            filled[smallest] += sizes[group]
    fold = fold_of[names]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def probe_folds(labels: ArrayLike, groups: ArrayLike, n_folds: int = 5, seed: int = 0) -> Folds:
    """Split labelled patches by group into folds with about the same share of each class.

    The splitter is scikit-learn's StratifiedGroupKFold, or the faster StratifiedKFold if each patch is its own group.

    Args:
        labels: Class of each patch, N codes or names.
        groups: Group of each patch, N codes or names.
        n_folds: Number of folds, 2 or more.
        seed: Seed of the shuffle.

    Returns:
        `n_folds` pairs of int64 positions. The second members partition all positions.

    Raises:
        DataError: There are fewer groups than folds, fewer than two classes, or no class with a patch for each fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    names = _codes(groups, n_folds, "The labelled patches")
    classes, codes = np.unique(np.asarray(labels), return_inverse=True)
    if len(codes) != len(names):
        raise DataError(f"There are {len(codes)} labels and {len(names)} groups. Give one of each for every patch.")
    if len(classes) < 2:
        raise DataError("All labelled patches have the same class. A probe needs two classes or more.")
    if (largest := np.bincount(codes).max()) < n_folds:
        raise DataError(
            f"No class has more than {largest} labelled patches, fewer than the {n_folds} folds. "
            "Add labelled images, or use fewer folds."
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
        raise DataError(f"n_folds must be 2 or more. Got {n_folds}.")
    values, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(values) < n_folds:
        raise DataError(
            f"{whose} come from {len(values)} groups, fewer than the {n_folds} folds. "
            "Add images of more slides or patients, or use fewer folds."
        )
    return codes.astype(np.int64)
