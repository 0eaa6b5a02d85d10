"""Intervals of means over seeds and of their differences, by Welch's t. The seeds are not paired."""

from collections.abc import Sequence

import numpy as np


def difference(own: np.ndarray, other: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Return the difference of two means and its interval by Welch's t.

    Trainings that share a seed are independent, because two methods draw different numbers from it. The two groups of
    seeds may differ in size and in variance.

    Args:
        own: Scores of one method, one for each seed, shape (N,). A score without seeds can stand N times.
        other: Scores of the other method, shape (M,).
        level: Coverage of the interval, in 0–1.

    Returns:
        Mean of `own` minus mean of `other`, and the ends of the interval. See `contrast`.
    """
    return contrast((own, other), (1.0, -1.0), level)


def contrast(
    samples: Sequence[np.ndarray], weights: Sequence[float], level: float = 0.95
) -> tuple[float, float, float]:
    """Return a weighted sum of means and its interval by t with the degrees of freedom of Welch and Satterthwaite.

    Args:
        samples: Scores of independent trainings, one array for each mean, each of shape (seeds,).
        weights: Weight of each mean.
        level: Coverage of the interval, in 0–1.

    Returns:
        The weighted sum, and the ends of its interval. The ends are NaN where a sample has one score, or where no
        sample varies.
    """
    from scipy.stats import t

    value = float(sum(weight * sample.mean() for weight, sample in zip(weights, samples, strict=True)))
    if min(len(sample) for sample in samples) < 2:
        return value, float("nan"), float("nan")
    parts = np.array([w**2 * s.var(ddof=1) / len(s) for w, s in zip(weights, samples, strict=True)])
    if parts.sum() == 0:
        return value, float("nan"), float("nan")
    freedom = parts.sum() ** 2 / sum(part**2 / (len(s) - 1) for part, s in zip(parts, samples, strict=True))
    half = float(t.ppf((1 + level) / 2, freedom) * parts.sum() ** 0.5)
    return value, value - half, value + half
