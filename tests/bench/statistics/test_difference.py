"""Differences of means over seeds, by hand and by another library."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from bench.statistics.difference import contrast, difference

A, B = np.array([0.50, 0.52, 0.57]), np.array([0.61, 0.60, 0.66, 0.64, 0.62])


def test_the_difference_is_welchs():
    expected = ttest_ind(A, B, equal_var=False).confidence_interval(0.95)
    assert difference(A, B) == pytest.approx((A.mean() - B.mean(), expected.low, expected.high))
    narrower = ttest_ind(A, B, equal_var=False).confidence_interval(0.9)
    assert difference(A, B, 0.9)[1:] == pytest.approx((narrower.low, narrower.high))


def test_the_order_of_the_seeds_does_not_matter():
    assert difference(A, B[:3]) == pytest.approx(difference(A[::-1], B[:3]))


def test_a_score_without_seeds_adds_no_variance():
    half = 4.302653 * 0.1 / 3**0.5  # Student's t with two degrees of freedom
    assert difference(np.array([0.7, 0.7]), np.array([0.5, 0.6, 0.4])) == pytest.approx((0.2, 0.2 - half, 0.2 + half))


def test_one_seed_or_no_spread_gives_no_interval():
    for own, other in ((A[:1], B), (np.array([0.5, 0.5]), np.array([0.4, 0.4]))):
        value, low, high = difference(own, other)
        assert value == pytest.approx(own.mean() - other.mean())
        assert np.isnan([low, high]).all()


def test_a_contrast_of_equal_weights_is_that_of_all_seeds():
    value, low, high = contrast([A, A, B], [0.5, 0.5, -1])
    assert value == pytest.approx(A.mean() - B.mean())
    assert high - low < difference(A, B)[2] - difference(A, B)[1], "two samples of the same spread are more seeds"
