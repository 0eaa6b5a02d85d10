"""Ranks of methods over several data sets: Friedman's test, Nemenyi's critical difference and groups that are alike.

Source: J. Demšar, "Statistical comparisons of classifiers over multiple data sets", Journal of Machine Learning
Research 7, 2006. scipy is enough: its studentized range gives the critical difference in one line. scikit-posthocs is
kept up, but would bring statsmodels and seaborn, and autorank chooses its tests by the data.

Nemenyi's test is used in place of Wilcoxon's with Holm's correction, which cannot claim anything here: with five data
sets the smallest two-sided p-value of Wilcoxon's test is 0.06.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

RATE = 0.05
"""Largest probability of a wrong claim among equal methods."""
N_PERMUTATIONS = 9999


@dataclass(frozen=True)
class Ranking:
    """Methods ranked over data sets. It is what a critical-difference diagram shows.

    Attributes:
        ranks: Average rank of each method, best first. 1 is the best rank.
        n_datasets: Number of data sets.
        chi2: Friedman's statistic, corrected for ties.
        p: p-value of Friedman's test, by permutation.
        critical_difference: Difference of average ranks from which two methods differ, by Nemenyi's test at 0.05.
        groups: Largest groups of methods, by rank, of which no two differ. All methods are one group where Friedman's
            test finds no difference.
        left_out: Methods without a score on each data set.
    """

    ranks: dict[str, float]
    n_datasets: int
    chi2: float
    p: float
    critical_difference: float
    groups: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The result of Friedman's test in words."""
        k = len(self.ranks)
        head = f"Over {self.n_datasets} data sets, {k} methods"
        if self.p >= RATE:
            return f"{head} are not shown to differ (Friedman's test, p = {self.p:.4f})."
        if self.critical_difference > k - 1:
            tail = (
                f"no two can be told apart: the critical difference is {self.critical_difference:.1f} of {k - 1} ranks"
            )
        else:
            tail = f"two of them differ from a distance of {self.critical_difference:.1f} ranks"
        return f"{head} differ (Friedman's test, p = {self.p:.4f}); {tail}."


@cache
def critical_difference(n_methods: int, n_datasets: int, rate: float = RATE) -> float:
    """Return Nemenyi's critical difference of average ranks: q √(k (k + 1) / 6N), Demšar 2006, section 3.2.2.

    Args:
        n_methods: Number k of methods, 2 or more.
        n_datasets: Number N of data sets.
        rate: Probability of a wrong claim among equal methods.
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - rate, n_methods, np.inf)) / 2**0.5
    return q * (n_methods * (n_methods + 1) / (6 * n_datasets)) ** 0.5


def rank_methods(scores: "pd.DataFrame", n_permutations: int = N_PERMUTATIONS, seed: int = 0) -> Ranking:
    """Return average ranks of methods over data sets, with Friedman's test and Nemenyi's groups.

    The p-value is the share of random permutations of the ranks within each data set with a statistic at least as
    large. It holds for any number of data sets; the χ² and F approximations do not with two to four.

    Args:
        scores: Mean macro F1, one row a data set and one column a method. Methods with a NaN are left out.
        n_permutations: Number of permutations.
        seed: Seed of the permutations.

    Raises:
        DataError: Fewer than two data sets, or fewer than two methods with a score on each.
    """
    from scipy.stats import rankdata

    complete = scores.dropna(axis="columns")
    left_out = tuple(str(name) for name in scores.columns if name not in complete.columns)
    if min(complete.shape) < 2:
        raise DataError(
            f"Ranks need two data sets and two methods with a score on each; here are {len(complete)} data sets and "
            f"{complete.shape[1]} such methods"
        )
    table = rankdata(-complete.to_numpy(dtype=float), axis=1)  # (data sets, methods)
    n, k = table.shape
    average = table.mean(axis=0)
    order = np.argsort(average, kind="stable")
    ranks = {str(complete.columns[i]): float(average[i]) for i in order}
    chi2, p = _friedman(table, n_permutations, seed)
    width = critical_difference(k, n)
    groups = groups_within(list(ranks.values()), width if p < RATE else np.inf)
    names = list(ranks)
    return Ranking(ranks, n, chi2, p, width, tuple(tuple(names[a:b]) for a, b in groups), left_out)


def groups_within(ranks: list[float], width: float) -> list[tuple[int, int]]:
    """Return the largest groups of two or more neighbours whose ranks differ by less than a width.

    Args:
        ranks: Average ranks in ascending order.
        width: Critical difference.

    Returns:
        First place of each group and the place after its last.

    >>> groups_within([1.0, 1.5, 2.2, 4.0], 1.0)
    [(0, 2), (1, 3)]
    """
    found: list[tuple[int, int]] = []
    for start in range(len(ranks)):
        end = start + 1
        while end < len(ranks) and ranks[end] - ranks[start] < width:
            end += 1
        if end - start > 1 and (not found or end > found[-1][1]):
            found.append((start, end))
    return found


def _friedman(table: NDArray[np.float64], n_permutations: int, seed: int) -> tuple[float, float]:
    """Return Friedman's statistic, corrected for ties, and its p-value by permutation.

    Args:
        table: Ranks, shape (data sets, methods).
        n_permutations: Number of permutations.
        seed: Seed of the permutations.
    """
    k = table.shape[1]
    centred = table - (k + 1) / 2
    total = (centred**2).sum()
    if total == 0:  # all methods are tied on all data sets
        return 0.0, 1.0
    squares = (centred.sum(axis=0) ** 2).sum()
    rng = np.random.default_rng(seed)
    drawn = np.zeros((n_permutations, k))
    for row in centred:
        drawn += rng.permuted(np.tile(row, (n_permutations, 1)), axis=1)
    as_large = int(((drawn**2).sum(axis=1) >= squares - 1e-9).sum())
    return float((k - 1) * squares / total), (1 + as_large) / (1 + n_permutations)
