"""Selection bias: how far the best of several equal methods lies above their mean by luck."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from cellbench.errors import DataError


@dataclass(frozen=True)
class SelectionBias:
    """What the best of several methods gains by being chosen on the scores that it is reported with.

    Attributes:
        n_methods: Number of methods that the best was chosen from.
        spread: Standard error of a method's mean beyond what all methods share on a fold, in macro F1.
        expected: Expected lead of the best over the mean of all if they are equal, in macro F1.
        lead: Observed lead of the best over the mean of all, in macro F1.
    """

    n_methods: int
    spread: float
    expected: float
    lead: float

    @property
    def sentence(self) -> str:
        """The estimate in words."""
        return (
            f"The best of {self.n_methods} methods is {self.lead:.3f} above their mean; of {self.n_methods} equal "
            f"methods, the best would be {self.expected:.3f} above it by luck."
        )


@cache
def expected_maximum(n: int) -> float:
    """Return the expected maximum of n independent standard normal variables: ∫ x n φ(x) Φ(x)ⁿ⁻¹ dx.

    Source of the first table: L. H. C. Tippett, Biometrika 17, 1925.

    Args:
        n: Number of variables, 1 or more.
    """
    from scipy.integrate import quad
    from scipy.special import ndtr

    def part(x: float) -> float:
        return float(x * n * math.exp(-x * x / 2) / math.sqrt(2 * math.pi) * ndtr(x) ** (n - 1))

    return float(quad(part, -10, 10, points=[0])[0])


def selection_bias(means: ArrayLike, test_share: float) -> SelectionBias | None:
    """Return the expected lead of the best of k equal methods, and the observed lead.

    What raises or lowers all methods on a fold favours none of them. The variance is therefore that of fold means
    after the mean of each method and of each fold are taken away, with Nadeau and Bengio's correction for folds that
    share training data; see `repeated_folds`.

    Args:
        means: Mean macro F1 over seeds, shape (methods, folds). Only methods that the best was chosen from.
        test_share: Share of the data in the test part of a fold, above 0 and below 1; 0.2 with five folds.

    Returns:
        The estimate; None with fewer than two methods or folds.

    Raises:
        DataError: A value is NaN.
    """
    table = np.atleast_2d(np.asarray(means, dtype=float))
    if np.isnan(table).any():
        raise DataError("Each method needs a score on each fold; leave out methods or folds with a missing one")
    k, n = table.shape
    if min(k, n) < 2:
        return None
    residuals = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    variance = (residuals**2).sum() / ((k - 1) * (n - 1))
    spread = float(np.sqrt((1 / n + test_share / (1 - test_share)) * variance))
    lead = float(table.mean(axis=1).max() - table.mean())
    return SelectionBias(k, spread, spread * expected_maximum(k), lead)
