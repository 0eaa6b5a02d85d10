"""Ranks over data sets: Demšar's example and tables, scipy, and simulated data sets."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare

from bench.statistics.comparison.ranks import critical_difference, groups_within, rank_methods
from cellbench.errors import DataError

DEMSAR = pd.DataFrame(
    [
        [4, 3, 2, 1], [1, 2, 3, 4], [4, 1, 2, 3], [4, 1, 3, 2], [4, 2, 3, 1], [1, 2.5, 4, 2.5], [3, 2, 4, 1],
        [2.5, 2.5, 4, 1], [4, 3, 2, 1], [2.5, 2.5, 2.5, 2.5], [4, 2.5, 1, 2.5], [3, 2, 4, 1], [4, 1, 2, 3],
        [3, 1, 4, 2],
    ],
    columns=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
)  # fmt: skip
"""Ranks of four classifiers over 14 data sets: Demšar 2006, table 6."""


def test_demsars_example():
    found = rank_methods(-DEMSAR)
    published = {"C4.5+m+cf": 1.964, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5": 3.143}
    assert list(found.ranks) == list(published)
    assert found.ranks == pytest.approx(published, abs=0.0005)
    ties = 1 - 78 / (14 * 4 * (4**2 - 1))  # Demšar does not correct for ties
    chi2 = found.chi2 * ties
    assert chi2 == pytest.approx(9.28, abs=0.005)
    assert 13 * chi2 / (14 * 3 - chi2) == pytest.approx(3.69, abs=0.005)  # Iman and Davenport's F
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),)  # "not powerful enough", section 3.2.2


def test_friedmans_test_is_that_of_scipy():
    expected = friedmanchisquare(*(-DEMSAR).to_numpy().T)
    found = rank_methods(-DEMSAR)
    assert found.chi2 == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, abs=0.005)


def test_nine_methods_on_two_data_sets():
    """The statistic that R's friedman.test has for this published question; its χ² approximation gives 0.16."""
    scores = -pd.DataFrame([[1, 8, 6, 4, 7, 2, 5, 3, 9], [1, 6, 3, 9, 7, 2, 8, 4, 5]])
    found = rank_methods(scores)
    assert found.chi2 == pytest.approx(11.733, abs=0.0005)
    assert 0.08 < found.p < 0.13
    assert len(found.groups) == 1


@pytest.mark.parametrize(
    ("rate", "published"),
    [(0.05, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
     (0.10, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920])],
)  # fmt: skip
def test_critical_values_of_nemenyis_test(rate, published):
    """Demšar 2006, table 5(a), for 2 to 10 classifiers."""
    found = [critical_difference(k, 1, rate) / (k * (k + 1) / 6) ** 0.5 for k in range(2, 11)]
    assert found == pytest.approx(published, abs=0.0011)


def test_groups_are_the_largest_within_the_critical_difference():
    assert groups_within([1, 1.5, 1.9, 4, 4.5], 1) == [(0, 3), (3, 5)]
    assert groups_within([1, 3, 5], 1) == []
    assert groups_within([1, 2, 3], np.inf) == [(0, 3)]


def test_clearly_different_methods_fall_into_groups():
    rng = np.random.default_rng(0)
    level = np.array([0.9, 0.9, 0.9, 0.5, 0.5, 0.5])
    scores = pd.DataFrame(level + rng.normal(0, 0.01, (20, 6)), columns=list("abcdef"))
    found = rank_methods(scores)
    assert [set(group) for group in found.groups] == [set("abc"), set("def")]
    assert found.p == 0.0001
    assert found.sentence == (
        "Over 20 data sets, 6 methods differ (Friedman's test, p = 0.0001); two of them differ from a distance of "
        "1.7 ranks."
    )


def test_no_two_differ_where_friedmans_test_finds_nothing():
    scores = np.random.default_rng(27).random((6, 10)) + np.array([0.55, -0.5, *[0] * 8])
    found = rank_methods(pd.DataFrame(scores))
    ranks = list(found.ranks.values())
    assert ranks[-1] - ranks[0] > found.critical_difference
    assert found.p > 0.05
    assert [len(group) for group in found.groups] == [10]
    assert found.sentence.endswith(f"10 methods are not shown to differ (Friedman's test, p = {found.p:.4f}).")


def test_two_data_sets_tell_no_two_methods_apart():
    found = rank_methods(pd.DataFrame([np.arange(12) / 20, np.arange(12) / 30]))
    assert found.sentence == (
        "Over 2 data sets, 12 methods differ (Friedman's test, p = 0.0001); no two can be told apart: the critical "
        "difference is 11.8 of 11 ranks."
    )
    assert len(found.groups) == 1


def test_tied_methods_do_not_differ():
    found = rank_methods(pd.DataFrame(np.full((3, 4), 0.5)))
    assert (found.chi2, found.p) == (0, 1)
    assert "are not shown to differ" in found.sentence


def test_methods_without_a_score_on_each_data_set_are_left_out():
    scores = pd.DataFrame({"a": [0.5, 0.6], "b": [0.4, np.nan], "c": [0.3, 0.2]})
    found = rank_methods(scores)
    assert found.left_out == ("b",)
    assert found.ranks == {"a": 1, "c": 2}


@pytest.mark.parametrize("scores", [{"a": [0.5], "b": [0.4]}, {"a": [0.5, 0.4], "b": [0.4, np.nan]}])
def test_too_few_data_sets_or_methods_are_refused(scores):
    with pytest.raises(DataError, match="two data sets and two methods"):
        rank_methods(pd.DataFrame(scores))


@pytest.mark.parametrize(("n", "k"), [(2, 19), (4, 19), (4, 3)])
def test_friedmans_p_is_right_with_few_data_sets(n, k):
    rng = np.random.default_rng(1)
    p = [rank_methods(pd.DataFrame(rng.random((n, k))), 199).p for _ in range(300)]
    assert np.mean(np.array(p) < 0.05) <= 0.075
