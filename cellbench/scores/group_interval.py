"""The interval of macro F1 over groups: a jackknife that leaves out one group at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_GROUPS = 5
"""Smallest number of groups for an interval. Its coverage was simulated from 5 groups up: `bench.study.coverage`."""


@dataclass(frozen=True)
class GroupInterval:
    """The interval of a macro F1, or the reason why there is none.

    Attributes:
        low: Lower end, 0–1; None where there is no interval.
        high: Upper end, 0–1; None where there is no interval.
        level: Share of such intervals that contain the true value, 0–1.
        reason: Why there is no interval; empty where there is one.
    """

    low: float | None
    high: float | None
    level: float = 0.95
    reason: str = ""

    @property
    def words(self) -> str:
        """The interval in words, or why there is none."""
        if self.low is None or self.high is None:
            return f"no interval: {self.reason}"
        return f"{100 * self.level:g} % interval {self.low:.3f} to {self.high:.3f}"


def f1_interval(
    labels: np.ndarray, predictions: Sequence[np.ndarray], groups: np.ndarray, n_classes: int, level: float = 0.95
) -> GroupInterval:
    """Return the interval of macro F1 for other groups from the same population.

    Args:
        labels: Class codes, shape (N,).
        predictions: Predicted class codes of one or several fits, each of shape (N,); their macro F1 is averaged.
        groups: Group codes, shape (N,).
        n_classes: Length of the fixed list of classes.
        level: Coverage of the interval, in 0–1.
    """
    return interval_of_counts(*_counts(labels, predictions, groups, n_classes), level)


def difference_interval(
    labels: np.ndarray,
    own: Sequence[np.ndarray],
    other: Sequence[np.ndarray],
    groups: np.ndarray,
    n_classes: int,
    level: float = 0.95,
) -> GroupInterval:
    """Return the interval of the difference of two macro F1 on the same patches, for other groups.

    It is the interval of `interval_of_counts`, for the difference: a group is left out of both at once.

    Args:
        labels: Class codes, shape (N,).
        own: Predicted class codes of one or several fits, each of shape (N,); their macro F1 is averaged.
        other: Those of the representation whose macro F1 is subtracted.
        groups: Group codes, shape (N,).
        n_classes: Length of the fixed list of classes.
        level: Coverage of the interval, in 0–1.
    """
    first, second = (_counts(labels, each, groups, n_classes) for each in (own, other))
    if (n_groups := first[0].shape[1]) < MIN_GROUPS:
        return _too_few(n_groups, level)
    (score, without), (other_score, other_without) = _leave_one_out(*first), _leave_one_out(*second)
    return _jackknife(score - other_score, without - other_without, first[1][0].sum(axis=1), level)


def _counts(
    labels: np.ndarray, predictions: Sequence[np.ndarray], groups: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return hits and totals as for `interval_of_counts`."""
    _, codes = np.unique(groups, return_inverse=True)
    hits = np.zeros((len(predictions), int(codes.max()) + 1, n_classes))
    totals = np.zeros_like(hits)
    for number, predicted in enumerate(predictions):
        right = predicted == labels
        np.add.at(hits[number], (codes[right], labels[right]), 1)
        np.add.at(totals[number], (codes, labels), 1)
        np.add.at(totals[number], (codes, predicted), 1)
    return hits, totals


def interval_of_counts(hits: np.ndarray, totals: np.ndarray, level: float = 0.95) -> GroupInterval:
    """Return the interval of macro F1 from counts of each group.

    The standard error is that of the jackknife over groups. It is multiplied by the quantile of Student's t with m − 1
    degrees of freedom, where m = (Σ size)² / Σ size² is the effective number of groups (Kish). Macro F1 is too low on
    few groups, because it is not linear. The interval therefore reaches from below the smaller to above the larger of
    the score and of its value without this bias, which the jackknife estimates too.

    Args:
        hits: Number of correct predictions, shape (fits, groups, classes).
        totals: Number of patches of a class plus number of predictions of it, same shape.
        level: Coverage of the interval, in 0–1.
    """
    if (n_groups := hits.shape[1]) < MIN_GROUPS:
        return _too_few(n_groups, level)
    found = _jackknife(*_leave_one_out(hits, totals), totals[0].sum(axis=1), level)
    if found.low is None or found.high is None:
        return found
    return GroupInterval(max(0.0, found.low), min(1.0, found.high), level)


def _too_few(n_groups: int, level: float) -> GroupInterval:
    return GroupInterval(None, None, level, f"{n_groups} of the {MIN_GROUPS} groups that one needs")


def _leave_one_out(hits: np.ndarray, totals: np.ndarray) -> tuple[float, np.ndarray]:
    """Return macro F1, and macro F1 without each group, shape (groups,)."""
    without = _mean_f1(hits.sum(axis=1, keepdims=True) - hits, totals.sum(axis=1, keepdims=True) - totals)
    return float(_mean_f1(hits.sum(axis=1), totals.sum(axis=1))), without


def _jackknife(score: float, without: np.ndarray, sizes: np.ndarray, level: float) -> GroupInterval:
    """Return the interval of a score from its values without each group, both ends as they are.

    Args:
        score: The score of all groups.
        without: The score without each group, shape (groups,).
        sizes: Number that each group counts for, shape (groups,).
        level: Coverage of the interval, in 0–1.
    """
    from scipy.stats import t

    n_groups = len(without)
    error = float(np.sqrt((n_groups - 1) * without.var()))
    if error == 0:
        return GroupInterval(None, None, level, "leaving out a group never changes the score")
    unbiased = n_groups * score - (n_groups - 1) * float(without.mean())
    freedom = max(1.0, float(sizes.sum() ** 2 / (sizes**2).sum()) - 1)
    half = float(t.ppf((1 + level) / 2, freedom)) * error
    return GroupInterval(min(score, unbiased) - half, max(score, unbiased) + half, level)


def _mean_f1(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return macro F1, mean over fits: from shape (fits, ..., classes) to (...); an undefined F1 counts as 0."""
    by_class = np.divide(2 * hits, totals, out=np.zeros_like(hits), where=totals > 0)
    return np.asarray(by_class.mean(axis=-1).mean(axis=0))
