"""Means over folds and seeds, and paired differences to a reference: intervals, tests and Holm's correction.

Folds of one cross-validation share training data, so their scores are correlated. Nadeau & Bengio ("Inference for the
generalization error", Machine Learning 52, 2003) take the share of the test part, 1/5 with five folds, for the
correlation ρ between folds. Corani & Benavoli ("A Bayesian approach for comparing cross-validated algorithms on
multiple data sets", Machine Learning 100, 2015) derive the posterior of a mean difference from it. It is a Student
t-distribution with the same centre, scale and degrees of freedom as the corrected t-test, so one interval serves both.

Seeds of one fold share all training data, so their correlation ω is unknown and at least ρ. Let B be the variance of
the F fold means, W the variance between the S seeds of a fold, and σ² the variance of one score. Whatever ω is,
B + (1 − 1/S) W estimates (1 − ρ) σ² without bias. The estimated variance of the mean is therefore

    V = B / F + ρ / (1 − ρ) · (B + (1 − 1/S) W),

with degrees of freedom by Satterthwaite. It is Nadeau and Bengio's with one seed a fold. With more seeds it needs no
assumption on ω; `bench.study.comparisons` shows what goes wrong if all scores, or only fold means, are used.

scipy is enough for this. baycomp had its last release in July 2023, and takes the seeds of a fold for new partitions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.statistics.comparison.score_tables import score_tables
from cellbench.errors import DataError, NotFoundError, SettingError, listing

if TYPE_CHECKING:
    import pandas as pd

MARGIN = 0.01
"""Largest difference in macro F1 that is called practically equal."""
LEVEL = 0.95
"""Coverage of intervals, and the probability from which two methods are called practically equal."""
NO_SPREAD = 1e-12
"""Standard error up to which scores are identical but for rounding."""


@dataclass(frozen=True)
class Estimate:
    """Mean macro F1 of a method over folds and seeds.

    Attributes:
        mean: Mean of the means of its folds, 0–1.
        std: Standard deviation over all scores; NaN with one score.
        low: Lower end of the 95 % interval of the mean, 0–1; NaN with one fold, or where no score differs.
        high: Upper end of that interval.
        n_folds: Number of folds with a score.
        n_scores: Number of scores.
    """

    mean: float
    std: float
    low: float
    high: float
    n_folds: int
    n_scores: int


@dataclass(frozen=True)
class Comparison:
    """A method compared with a reference over the folds and seeds that both have.

    All numbers but `mean` and the counts are NaN with one fold, or where no difference differs from another.

    Attributes:
        mean: Mean difference in macro F1, method minus reference.
        low: Lower end of its 95 % interval. It is also the interval of 95 % posterior probability.
        high: Upper end of that interval.
        p: Two-sided p-value of the corrected t-test.
        p_holm: The p-value after Holm's correction over all methods compared with the reference.
        better: Posterior probability that the method is better by more than the margin.
        equal: Posterior probability that the difference is within the margin, ± 0.01 by default.
        worse: Posterior probability that the method is worse by more than the margin.
        n_folds: Number of folds that both have.
        n_pairs: Number of pairs of scores.
    """

    mean: float
    low: float
    high: float
    p: float
    p_holm: float
    better: float
    equal: float
    worse: float
    n_folds: int
    n_pairs: int

    @property
    def verdict(self) -> str:
        """One of "practically equal", "better", "worse", "undecided" and "not tested".

        Methods are practically equal with a posterior probability of 0.95 or more, even where `p_holm` is small: the
        difference is then known to be too small to matter. A difference is claimed where `p_holm` is below 0.05.
        """
        if np.isnan(self.p_holm):
            return "not tested"
        if self.equal >= LEVEL:
            return "practically equal"
        if self.p_holm < 1 - LEVEL:
            return "better" if self.mean > 0 else "worse"
        return "undecided"


def estimate(scores: ArrayLike, test_share: float) -> Estimate:
    """Return the mean of a method's scores with its interval.

    Args:
        scores: Macro F1, shape (folds, seeds), NaN where a training is missing.
        test_share: Share of the data in the test part of a fold, above 0 and below 1; 0.2 with five folds.

    Raises:
        SettingError: `test_share` is not between 0 and 1.
        DataError: There is no score.
    """
    table = np.atleast_2d(np.asarray(scores, dtype=float))
    known = table[~np.isnan(table)]
    mean, error, freedom = mean_and_error(table, test_share)
    low, high = (float(np.clip(end, 0, 1)) for end in _ends(mean, error, freedom))
    std = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    return Estimate(mean, std, low, high, _n_folds(table), len(known))


def compare(own: ArrayLike, other: ArrayLike, test_share: float, margin: float = MARGIN) -> Comparison:
    """Return the comparison of two methods, paired by fold and seed. `p_holm` is `p`, as for a single comparison.

    Args:
        own: Macro F1 of the method, shape (folds, seeds), NaN where a training is missing.
        other: Macro F1 of the reference, of the same shape. Its seeds, or folds and seeds, are 1 where its score does
            not depend on them, as for some floors: (folds, 1) or (1, 1).
        test_share: Share of the data in the test part of a fold, above 0 and below 1; 0.2 with five folds.
        margin: Largest difference that is called practically equal, in macro F1.

    Raises:
        SettingError: `test_share` is not between 0 and 1.
        DataError: The methods have no fold and seed in common.
    """
    from scipy.special import stdtr

    table = np.atleast_2d(np.asarray(own, dtype=float)) - np.atleast_2d(np.asarray(other, dtype=float))
    mean, error, freedom = mean_and_error(table, test_share)
    low, high = _ends(mean, error, freedom)
    p = float(2 * stdtr(freedom, -abs(mean) / error))
    worse, better = (float(stdtr(freedom, (sign * mean - margin) / error)) for sign in (-1, 1))
    n_pairs = int((~np.isnan(table)).sum())
    return Comparison(mean, low, high, p, p, better, 1 - better - worse, worse, _n_folds(table), n_pairs)


def estimates(scores: "pd.DataFrame", test_share: float) -> dict[str, Estimate]:
    """Return the estimate of every method of a table, in the order of the table.

    Args:
        scores: One row a score, as for `compare_with`.
        test_share: Share of the data in the test part of a fold, above 0 and below 1.

    Raises:
        DataError: The table is invalid; see `compare_with`.
        SettingError: `test_share` is not between 0 and 1.
    """
    return {method: estimate(table, test_share) for method, table in score_tables(scores).items()}


def compare_with(
    scores: "pd.DataFrame", reference: str, test_share: float, margin: float = MARGIN, methods: Sequence[str] = ()
) -> dict[str, Comparison]:
    """Return the comparison of methods with a reference, with Holm's correction over them.

    Args:
        scores: One row a score. Columns: `method`, `fold`, `seed`, and `f1_macro` in 0–1, NaN for a failed training.
            `seed`, or `fold` and `seed`, is missing (NA) for a method that does not depend on it, as some floors.
        reference: The method that the others are compared with.
        test_share: Share of the data in the test part of a fold, above 0 and below 1; 0.2 with five folds.
        margin: Largest difference that is called practically equal, in macro F1.
        methods: Methods to compare; by default all others of the table.

    Raises:
        NotFoundError: The table does not contain the reference or one of the methods.
        DataError: A column is missing, a score stands twice, or a method has no fold and seed that the reference has.
        SettingError: `test_share` is not between 0 and 1.
    """
    tables = score_tables(scores)
    chosen = list(methods) or [method for method in tables if method != reference]
    if unknown := [name for name in (reference, *chosen) if name not in tables]:
        raise NotFoundError(f"No scores of {listing(unknown)}; the table has {listing(tables)}")
    found = {}
    for method in chosen:
        try:
            found[method] = compare(tables[method], tables[reference], test_share, margin)
        except DataError:
            raise DataError(f"{method} and {reference} have no score of the same fold and seed") from None
    corrected = holm([each.p for each in found.values()])
    return {name: replace(each, p_holm=float(p)) for (name, each), p in zip(found.items(), corrected, strict=True)}


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values after Holm's correction, which limits the probability of any wrong claim.

    The i-th smallest of m is multiplied by m − i + 1; none is then below a smaller one, or above 1. NaN stays NaN and
    does not count. Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979. scipy has corrections of the false discovery rate only.

    Args:
        p: p-values, shape (N,).

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values)[: int((~np.isnan(values)).sum())]  # NaN comes last
    found = np.full(len(values), np.nan)
    found[order] = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)))
    return found


def mean_and_error(table: NDArray[np.float64], test_share: float) -> tuple[float, float, float]:
    """Return the mean of the fold means, its corrected standard error, and the degrees of freedom.

    Args:
        table: Scores or differences, shape (folds, seeds), NaN where a training is missing. Folds may have different
            numbers of seeds; 1 / S is then the mean of their inverses.
        test_share: Share of the data in the test part of a fold, above 0 and below 1.

    Returns:
        Mean, standard error and degrees of freedom. The last two are NaN with one fold, or where no value differs.

    Raises:
        SettingError: `test_share` is not between 0 and 1.
        DataError: All values are NaN.
    """
    if not 0 < test_share < 1:
        raise SettingError(f"The share of the test part of a fold is {test_share}; it must be above 0 and below 1")
    folds = [row[~np.isnan(row)] for row in table if not np.isnan(row).all()]
    if not folds:
        raise DataError("There is no score of any fold and seed")
    means = np.array([row.mean() for row in folds])
    n = len(folds)
    if n < 2:
        return float(means.mean()), float("nan"), float("nan")
    correction = test_share / (1 - test_share)
    between = (1 / n + correction) * means.var(ddof=1)
    within_freedom = sum(len(row) - 1 for row in folds)
    within = 0.0
    if within_freedom:
        pooled = sum(((row - row.mean()) ** 2).sum() for row in folds) / within_freedom
        within = correction * (1 - np.mean([1 / len(row) for row in folds])) * pooled
    error = float(between + within) ** 0.5
    if error <= NO_SPREAD:
        return float(means.mean()), float("nan"), float("nan")
    parts = between**2 / (n - 1) + (within**2 / within_freedom if within_freedom else 0)
    return float(means.mean()), error, float((between + within) ** 2 / parts)


def _n_folds(table: NDArray[np.float64]) -> int:
    return int((~np.isnan(table)).any(axis=1).sum())


def _ends(mean: float, error: float, freedom: float) -> tuple[float, float]:
    from scipy.special import stdtrit  # the functions behind scipy.stats.t; much faster for one number

    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return mean - half, mean + half
