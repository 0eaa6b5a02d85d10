"""The interval of macro F1 over groups, compared with a slow jackknife and with its promise."""

import numpy as np
import pytest

from bench.study.coverage import POPULATIONS, USUAL, covered, macro_f1
from cellbench.probes.f1 import macro_f1 as f1_of_patches
from cellbench.scores.group_interval import MIN_GROUPS, GroupInterval, difference_interval, f1_interval


def some(n_groups: int, seed: int = 0):
    """Groups of 40 patches, so that the effective number of groups is the number of groups."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), 40)
    labels = rng.integers(0, 3, len(groups))
    wrong = rng.random(len(groups)) < rng.uniform(0.1, 0.5, n_groups)[groups]
    return labels, np.where(wrong, rng.integers(0, 3, len(groups)), labels), groups


def slow(labels, fits, groups, quantile):
    """Leave out one group after another, in plain words."""
    names = sorted(set(groups))
    score = np.mean([f1_of_patches(labels, fit, 3) for fit in fits])
    left = [np.mean([f1_of_patches(labels[groups != g], fit[groups != g], 3) for fit in fits]) for g in names]
    n = len(names)
    error = ((n - 1) / n * sum((each - np.mean(left)) ** 2 for each in left)) ** 0.5
    unbiased = n * score - (n - 1) * np.mean(left)
    return min(score, unbiased) - quantile * error, max(score, unbiased) + quantile * error


@pytest.mark.parametrize(
    ("n_groups", "level", "quantile"),
    [(5, 0.95, 2.776445), (5, 0.9, 2.131847), (10, 0.95, 2.262157), (25, 0.95, 2.063899)],  # tables of Student's t
)
def test_the_interval_is_the_jackknifes_with_the_quantile_of_its_level(n_groups, level, quantile):
    labels, first, groups = some(n_groups)
    second = np.where(np.arange(len(labels)) % 7 == 0, labels, first)
    found = f1_interval(labels, [first, second], groups, 3, level)
    assert (found.low, found.high) == pytest.approx(slow(labels, [first, second], groups, quantile), abs=1e-6)


def test_the_interval_is_one_of_95_percent_unless_asked():
    labels, predicted, groups = some(5)
    assert f1_interval(labels, [predicted], groups, 3) == f1_interval(labels, [predicted], groups, 3, 0.95)


def test_unequal_groups_count_as_fewer():
    labels, predicted, groups = some(8)
    even = f1_interval(labels, [predicted], groups, 3)
    merged = np.where(groups < 3, 0, groups)  # 6 groups of 120 and 5 × 40 patches: 320² / (120² + 5 × 40²) = 4.571
    found = f1_interval(labels, [predicted], merged, 3)
    quantile = 2.873  # Student's t, 0.975, 3.571 degrees of freedom; 5 degrees would give 2.571
    assert (found.low, found.high) == pytest.approx(slow(labels, [predicted], merged, quantile), abs=5e-3)
    assert even.low is not None


def test_it_contains_the_score_and_stays_within_0_and_1():
    for seed in range(20):
        labels, predicted, groups = some(5, seed)
        found = f1_interval(labels, [predicted], groups, 3)
        assert 0 <= found.low <= f1_of_patches(labels, predicted, 3) <= found.high <= 1


def test_fewer_than_five_groups_give_a_reason_in_place_of_an_interval():
    labels, predicted, groups = some(MIN_GROUPS - 1)
    found = f1_interval(labels, [predicted], groups, 3)
    assert (found.low, found.high) == (None, None)
    assert found.words == "no interval: 4 of the 5 groups that one needs"


def test_a_score_that_no_group_changes_has_no_interval():
    labels, _, groups = some(6)
    assert f1_interval(labels, [labels], groups, 3).words == "no interval: leaving out a group never changes the score"


def test_the_words_name_the_level():
    assert GroupInterval(0.5, 0.75).words == "95 % interval 0.500 to 0.750"
    assert GroupInterval(0.5, 0.75, 0.9).words == "90 % interval 0.500 to 0.750"


@pytest.mark.parametrize("n_groups", [5, 10, 25])
def test_it_covers_what_it_promises_and_the_percentile_bootstrap_does_not_with_few_groups(n_groups):
    """Of 200 holdouts, 0.95 ± two standard errors is 0.92 to 0.98."""
    truth = float(macro_f1(*(each[0].sum(axis=1) for each in USUAL.draw(1, 5000, np.random.default_rng(0)))))
    share, _, known = covered(POPULATIONS["like marrow-mini"], n_groups, 200, "reported", truth, 1)
    assert share >= 0.92
    assert known == 1
    if n_groups == 5:
        assert covered(USUAL, 5, 200, "percentile bootstrap", truth, 1)[0] < 0.9


def test_the_interval_of_a_difference_leaves_a_group_out_of_both_at_once():
    labels, first, groups = some(10)
    second = np.where(np.arange(len(labels)) % 3 == 0, labels, first)
    names = sorted(set(groups))

    def gap(kept):
        return f1_of_patches(labels[kept], second[kept], 3) - f1_of_patches(labels[kept], first[kept], 3)

    score, left = gap(groups >= 0), [gap(groups != g) for g in names]
    error = (9 / 10 * sum((each - np.mean(left)) ** 2 for each in left)) ** 0.5
    unbiased = 10 * score - 9 * np.mean(left)
    half = 2.262157 * error  # Student's t, 0.975, 9 degrees of freedom
    found = difference_interval(labels, [second], [first], groups, 3)
    assert (found.low, found.high) == pytest.approx(
        (min(score, unbiased) - half, max(score, unbiased) + half), abs=1e-6
    )
    turned = difference_interval(labels, [first], [second], groups, 3)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-9), "it may be below 0"


def test_a_difference_of_few_groups_or_of_equal_predictions_has_no_interval():
    labels, first, groups = some(4)
    assert difference_interval(labels, [first], [labels], groups, 3).reason == "4 of the 5 groups that one needs"
    labels, first, groups = some(6)
    assert "never changes" in difference_interval(labels, [first], [first], groups, 3).reason
