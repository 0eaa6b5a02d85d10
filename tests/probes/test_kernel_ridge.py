"""Kernel ridge: analysis of variance by hand, and units that must not count."""

import numpy as np
import pytest
from scipy.stats import f_oneway

from cellbench.errors import DataError
from cellbench.patches.folds import probe_folds
from cellbench.probes.directions import (
    FREE_RATIO,
    SHRINKAGE,
    Directions,
    added_variance,
    analysis_of_variance,
    principal_components,
)
from cellbench.probes.f1 import macro_f1
from cellbench.probes.kernel_ridge import DEFAULT_SHARPNESS, KernelRidge, fit_kernel_ridge, kernel


def cells(n: int = 400, seed: int = 0):
    """Five classes in 25 groups; 12 units on a curved sheet, of unequal scale and correlated."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 5
    centres = rng.normal(0, 1, (5, 4))
    hidden = centres[labels] + 0.6 * rng.normal(size=(n, 4))
    units = np.hstack([hidden, hidden**2]) @ rng.normal(size=(8, 12)) * np.geomspace(1, 0.1, 12)
    return units + 0.02 * rng.normal(size=units.shape), labels, rng.permutation(n) % 25


def f1(units, labels, groups):
    predictions = np.empty_like(labels)
    for train, test in probe_folds(labels, groups, n_folds=5, seed=0):
        probe = fit_kernel_ridge(units[train], labels[train], groups[train], 5)
        predictions[test] = probe.predict(units[test])
    return macro_f1(labels, predictions, 5)


@pytest.fixture(scope="module")
def example():
    units, labels, groups = cells()
    return units, labels, groups, f1(units, labels, groups)


def test_the_analysis_of_variance_of_an_example_by_hand():
    """Classes {1, 2, 3} and {5, 6, 7}: means 2 and 6, mean of all 4."""
    values = np.array([[1.0], [2.0], [3.0], [5.0], [6.0], [7.0]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    between = 3 * (2 - 4) ** 2 + 3 * (6 - 4) ** 2  # 24
    within = 4 * 1.0  # 1 + 0 + 1 in each class
    error = within / (6 - 2)  # 1
    p, omega_squared = analysis_of_variance(values, labels)
    # F is 24 / 1 = 24 with 1 and 4 degrees of freedom: t = √24 with 4, two-sided. The distribution function of t with
    # 4 degrees of freedom is 1/2 + 3/4 (s − s³/3), where s = t / √(4 + t²).
    s = np.sqrt(24 / 28)
    assert p[0] == pytest.approx(2 * (1 - (0.5 + 0.75 * (s - s**3 / 3))))
    assert omega_squared[0] == pytest.approx((between - 1 * error) / (between + within + error)) == 23 / 29


def test_p_values_agree_with_scipy():
    units, labels, _ = cells(n=60)
    units = np.hstack([units, np.random.default_rng(1).normal(size=(60, 20))])
    labels = np.where(labels == 4, 7, labels)  # a gap in the codes
    p, omega_squared = analysis_of_variance(units, labels)
    found = f_oneway(*(units[labels == code] for code in np.unique(labels)))
    np.testing.assert_allclose(p, found.pvalue, rtol=1e-6)
    expected = np.maximum(4 * (found.statistic - 1) / (4 * (found.statistic - 1) + 60), 0)
    np.testing.assert_allclose(omega_squared, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("units", "labels"),
    [
        (np.ones((6, 2)), [0, 0, 0, 1, 1, 1]),  # nothing varies
        (np.arange(6.0)[:, None], [0] * 6),  # one class
        (np.arange(3.0)[:, None], [0, 1, 2]),  # each class has one patch
    ],
)
def test_units_that_say_nothing_have_p_of_1_and_no_weight(units, labels):
    p, omega_squared = analysis_of_variance(units, np.array(labels))
    assert (p == 1).all()
    assert (omega_squared == 0).all()


def test_the_kernel_is_1_at_its_landmark_and_falls_with_the_squared_distance():
    found = kernel(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0]]))
    assert found[:, 0] == pytest.approx([1, np.exp(-12.5)])


@pytest.mark.parametrize("shape", [(200, 6), (5, 30)])
def test_principal_components_are_those_of_the_covariance(shape):
    units = np.random.default_rng(0).normal(size=shape) * np.linspace(1, 2, shape[1])
    units -= units.mean(axis=0)
    variances, axes = principal_components(units)
    assert len(variances) == min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(axes.T @ axes, np.eye(len(variances)), atol=1e-9)
    np.testing.assert_allclose(axes * variances @ axes.T, units.T @ units / len(units), atol=1e-9)


def test_nothing_is_added_to_variances_where_patches_are_many():
    variances = np.array([3.0, 1.0])
    assert added_variance(variances, int(2 / FREE_RATIO)) == 0
    assert added_variance(variances, 4) == pytest.approx(SHRINKAGE * (0.5 - FREE_RATIO) * 10 / 4)
    assert added_variance(2 * variances, 4) == pytest.approx(2 * added_variance(variances, 4))


def test_small_components_stay_small_where_patches_are_few():
    """Four classes, two uncorrelated units that tell them apart equally well, of variance 1.01 and 0.0101."""
    first, second = np.array([-1, -1, 1, 1, -1, -1, 1, 1]), np.repeat([-1, 1], 4)
    within = np.tile([-1, 1], 4)
    units = np.stack([first + 0.1 * within, 0.1 * (second + 0.1 * within * first)], axis=1)
    labels = np.repeat([0, 1, 2, 3], 2)
    spread = Directions.fit(units, labels)(units).std(axis=0) ** 2
    added = SHRINKAGE * (2 / 8 - FREE_RATIO) * (1.01**2 + 0.0101**2) / (1.01 + 0.0101)
    assert spread.sum() == pytest.approx(1)
    assert spread.max() / spread.min() == pytest.approx((1.01 / (1.01 + added)) / (0.0101 / (0.0101 + added)))
    assert spread.max() / spread.min() > 1.4
    many = Directions.fit(np.tile(units, (2, 1)), np.tile(labels, 2))(units)
    assert (many.std(axis=0) ** 2).tolist() == pytest.approx([0.5, 0.5])


def test_duplicate_units_change_nothing(example):
    units, labels, groups, _ = example
    few = np.arange(60)  # fewer than five patches for each component: variances are added to
    for rows in (np.arange(len(labels)), few):
        once = fit_kernel_ridge(units[rows], labels[rows], groups[rows], 5)
        twice = fit_kernel_ridge(np.hstack([units, units])[rows], labels[rows], groups[rows], 5)
        np.testing.assert_allclose(
            twice.probabilities(np.hstack([units, units])), once.probabilities(units), rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0])
def test_200_idle_or_noisy_units_change_f1_by_less_than_a_hundredth(example, scale):
    units, labels, groups, score = example
    rms = np.sqrt((units.std(axis=0) ** 2).mean())
    noise = 3 + scale * rms * np.random.default_rng(1).normal(size=(len(labels), 200))
    assert score > 0.7
    assert abs(f1(np.hstack([units, noise]), labels, groups) - score) < 0.01


def test_permuted_labels_give_chance():
    units, labels, groups = cells()
    found = f1(units, np.random.default_rng(2).permutation(labels), groups)
    assert abs(found - 0.2) < 0.06  # three standard errors


def test_more_patches_than_landmarks_are_used():
    units, labels, groups = cells(n=600)
    probe = fit_kernel_ridge(units, labels, groups, 5)
    assert probe.landmarks.shape[0] == 512
    assert macro_f1(labels, probe.predict(units), 5) > 0.75


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_embedding_that_is_not_finite_is_an_error(value):
    units, labels, groups = cells(n=50)
    units[3, 2] = value
    with pytest.raises(DataError, match="1 of 50 embeddings contain NaN or infinite values"):
        fit_kernel_ridge(units, labels, groups, 5)


def test_inner_folds_choose_the_penalty_only_where_patches_are_many(monkeypatch):
    units, labels, groups = cells(n=60)

    def forbid(*_, **__):
        raise AssertionError("folds are drawn")

    monkeypatch.setattr("cellbench.patches.folds.probe_folds", forbid)
    few = fit_kernel_ridge(units[:45], labels[:45], groups[:45], 5)  # nine patches of each class
    assert few.sharpness == DEFAULT_SHARPNESS
    with pytest.raises(AssertionError, match="folds are drawn"):
        fit_kernel_ridge(units[:50], labels[:50], groups[:50], 5)


def test_rows_outside_a_fit_are_not_used():
    units, labels, groups = cells()
    rows = np.arange(0, 400, 2)
    spoilt = units.copy()
    spoilt[1::2] = 1e6
    first, again = (KernelRidge.fit(each, labels, groups, 5, [(rows, 0)])[0] for each in (units, spoilt))
    assert (first.probabilities(units) == again.probabilities(units)).all()
