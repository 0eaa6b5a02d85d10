"""Racing: finalists that are clearly worse than the leader are not trained on further folds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 0.05
"""Largest probability, over a whole race, that the truly best finalist is dropped."""
PRIOR_WEIGHT = 4.0
"""Degrees of freedom of the prior at the expected noise."""


@dataclass(frozen=True)
class Dropped:
    """A finalist that is clearly worse than the leader.

    Attributes:
        name: The finalist.
        leader: The finalist with the best mean.
        behind: Difference between the leader's mean and that of the finalist.
        probability: Probability that the finalist is truly better than the leader.
        n_folds: Number of folds that both were trained on.
    """

    name: str
    leader: str
    behind: float
    probability: float
    n_folds: int

    @property
    def reason(self) -> str:
        """The reason in words."""
        return (
            f"no further fold: {self.behind:.3f} behind {self.leader} on {self.n_folds} folds, better with a "
            f"probability of {max(self.probability, 0.001):.3f}"
        )


def clearly_behind(scores: Mapping[str, Mapping[int, float]], n_started: int, noise: float) -> list[Dropped]:
    """Return the finalists that are clearly worse than the leader on the folds that all of them have.

    The model is score = configuration + fold + noise, with normal noise of one variance for all. The variance is pooled
    over the k finalists that are left and their n folds, with (k − 1)(n − 1) degrees of freedom and 4 more for a prior
    at the expected noise. The difference to the leader, over pairs on the same fold, then has Student's t-distribution.
    A finalist is dropped if its probability of being better than the leader is below 0.05 / number of finalists. This
    Bonferroni correction is for the pairs with the leader.

    A Wilcoxon test could not drop anything. Its smallest one-sided p for n pairs is 2⁻ⁿ: 0.25 after two folds and 0.03
    after five. Folds on which finalists were chosen count like any other. The best of many on the first fold was lucky
    there, so the leader's lead is overestimated if the finalists are equal; dropping one of them then costs nothing.

    Args:
        scores: For each finalist left, its score by fold, more is better.
        n_started: Number of finalists at the start of the race.
        noise: Expected standard deviation between trainings that differ only in their seed.
    """
    from scipy.stats import t

    names = list(scores)
    shared = sorted(set.intersection(*(set(each) for each in scores.values()))) if names else []
    if len(names) < 2 or len(shared) < 2:
        return []
    table = np.array([[scores[name][fold] for fold in shared] for name in names])
    k, n = table.shape
    means = table.mean(axis=1)
    freedom = PRIOR_WEIGHT + (k - 1) * (n - 1)
    variance = pooled_variance(table, noise)
    leader = int(means.argmax())
    behind = means[leader] - means
    better = t.sf(behind / np.sqrt(2 * variance / n), freedom)
    limit = RATE / n_started
    return [
        Dropped(name, names[leader], float(behind[i]), float(better[i]), n)
        for i, name in enumerate(names)
        if i != leader and better[i] < limit
    ]


def pooled_variance(table: NDArray[np.float64], noise: float) -> float:
    """Return the variance that neither configuration nor fold explains, with the prior of `clearly_behind`.

    Args:
        table: Scores, shape (configurations, folds).
        noise: Expected standard deviation between trainings that differ only in their seed.
    """
    k, n = table.shape
    residuals = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((PRIOR_WEIGHT * noise**2 + (residuals**2).sum()) / (PRIOR_WEIGHT + (k - 1) * (n - 1)))
