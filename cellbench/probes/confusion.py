"""Confusion matrices: what a probe predicted of each class, as counts, and F1 computed from them in other ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np


def f1_of_counts(table: np.ndarray) -> np.ndarray:
    """Return the F1 of each class of a confusion matrix, float64, shape (classes,), 0 where it is undefined.

    F1 of class k is 2 · n(k, k) / (Σⱼ n(k, j) + Σᵢ n(i, k)), where n(i, j) is the entry of true class i that was
    predicted as j. It equals `f1_by_class` for counts, and takes weighted counts too.

    Args:
        table: Non-negative counts or weights, shape (classes, classes), rows true and columns predicted.

    >>> f1_of_counts(np.array([[3, 1], [1, 1]])).tolist()
    [0.75, 0.5]
    """
    hits, totals = np.diagonal(table), table.sum(axis=0) + table.sum(axis=1)
    return np.divide(2.0 * hits, totals, out=np.zeros(len(table)), where=totals > 0)


def at_frequencies(table: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Return the confusion matrix that a sample with other class frequencies is expected to have.

    Each row is scaled so that its sum is the frequency of its class: w(i, j) = π(i) · n(i, j) / Σⱼ n(i, j). So the
    share of class i that is predicted as j stays the same, and only how often class i occurs changes. This holds if
    the cells of a class look the same in both samples. A class without patches has a row of zeros, so its F1 is 0.

    Args:
        table: Counts, shape (classes, classes), rows true and columns predicted.
        frequencies: Frequency π of each class in any unit, shape (classes,). Their scale does not change F1.

    >>> at_frequencies(np.array([[3, 1], [1, 1]]), np.array([0.2, 0.8])).round(3).tolist()
    [[0.15, 0.05], [0.4, 0.4]]
    """
    n = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, n, out=np.zeros(table.shape), where=n > 0)
    return np.asarray(shares * frequencies[:, None])


def forgiving(table: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Return the confusion matrix in which a confusion with a neighbouring class counts as right.

    Patches of true class i that were predicted as a neighbour j move from (i, j) to (i, i). Their prediction then
    counts for class i and no longer for class j.

    Args:
        table: Counts, shape (classes, classes), rows true and columns predicted.
        neighbours: Whether two classes are neighbours, bool, shape (classes, classes), symmetric and false on the
            diagonal.

    >>> forgiving(np.array([[3, 1], [1, 1]]), np.array([[False, True], [True, False]])).tolist()
    [[4, 0], [0, 2]]
    """
    forgiven = np.where(neighbours, table, 0)
    return np.asarray(table - forgiven + np.diag(forgiven.sum(axis=1)))


def neighbours_of(classes: Sequence[str], order: Sequence[Sequence[str]]) -> np.ndarray:
    """Return which classes follow directly on each other, bool, shape (classes, classes), symmetric.

    Args:
        classes: The scored classes.
        order: Orders of classes. A class that is not scored has no neighbour, and does not join those beside it.

    >>> neighbours_of(["a", "b", "c"], [["c", "a"]]).astype(int).tolist()
    [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    """
    code: Mapping[str, int] = {name: number for number, name in enumerate(classes)}
    found = np.zeros((len(classes), len(classes)), dtype=bool)
    for one in order:
        for first, second in pairwise(one):
            if first in code and second in code:
                found[code[first], code[second]] = found[code[second], code[first]] = True
    return found
