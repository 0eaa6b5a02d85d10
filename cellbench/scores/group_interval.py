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
    _, codes = np.unique(groups, return_inverse=True)
    n_groups = int(codes.max()) + 1
    hits = np.zeros((len(predictions), n_groups, n_classes))
    totals = np.zeros_like(hits)
    for number, predicted in enumerate(predictions):
        right = predicted == labels
        np.add.at(hits[number], (codes[right], labels[right]), 1)
        np.add.at(totals[number], (codes, labels), 1)
        np.add.at(totals[number], (codes, predicted), 1)
    return interval_of_counts(hits, totals, level)


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
    from scipy.stats import t

    n_groups = hits.shape[1]
    if n_groups < MIN_GROUPS:
        return GroupInterval(None, None, level, f"{n_groups} of the {MIN_GROUPS} groups that one needs")
    score = _mean_f1(hits.sum(axis=1), totals.sum(axis=1))
    without = _mean_f1(  # shape (groups,): macro F1 without each group
        hits.sum(axis=1, keepdims=True) - hits, totals.sum(axis=1, keepdims=True) - totals
    )
    error = float(np.sqrt((n_groups - 1) * without.var()))
    if error == 0:
        return GroupInterval(None, None, level, "leaving out a group never changes the score")
    unbiased = n_groups * score - (n_groups - 1) * without.mean()
    sizes = totals[0].sum(axis=1)
    freedom = max(1.0, float(sizes.sum() ** 2 / (sizes**2).sum()) - 1)
    half = float(t.ppf((1 + level) / 2, freedom)) * error
    low, high = min(score, unbiased) - half, max(score, unbiased) + half
    return GroupInterval(float(max(0.0, low)), float(min(1.0, high)), level)


def _mean_f1(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return macro F1, mean over fits: from shape (fits, ..., classes) to (...); an undefined F1 counts as 0."""
    by_class = np.divide(2 * hits, totals, out=np.zeros_like(hits), where=totals > 0)
    return np.asarray(by_class.mean(axis=-1).mean(axis=0))
