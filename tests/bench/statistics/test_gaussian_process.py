"""The Gaussian process beside scikit-learn's, and what it makes of noise and of folds."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from bench.space.reader import load_space
from bench.statistics.gaussian_process import GaussianProcess, Scales, encoded


def test_with_the_same_scales_it_is_the_one_of_scikit_learn():
    rng = np.random.default_rng(0)
    inputs, grid = rng.random((15, 2)), rng.random((7, 2))
    values = np.sin(5 * inputs[:, 0]) + rng.normal(0, 0.1, 15)
    values -= values.mean()
    ours = GaussianProcess(inputs, values, [0] * 15, 0.1, Scales(np.array([0.3, 0.8]), 0.9, 1e-9, 0.1))
    kernel = ConstantKernel(0.81) * Matern([0.3, 0.8], nu=2.5) + WhiteKernel(0.01)
    theirs = GaussianProcessRegressor(kernel, optimizer=None).fit(inputs, values)
    mean, covariance = theirs.predict(grid, return_cov=True)
    covariance -= 0.01 * np.eye(7)  # theirs counts the noise of a new value
    found_mean, found_covariance = ours.posterior(grid)
    assert found_mean == pytest.approx(mean, abs=1e-5)
    assert found_covariance == pytest.approx(covariance, abs=1e-5)


def test_noise_is_told_from_response():
    rng = np.random.default_rng(1)
    inputs = rng.random((40, 1))
    values = 0.6 - 0.2 * (inputs[:, 0] - 0.4) ** 2 + rng.normal(0, 0.01, 40)
    model = GaussianProcess(inputs, values, [0] * 40, 0.02)
    assert model.scales.noise == pytest.approx(0.01, rel=0.4)
    mean, _ = model.posterior(np.array([[0.4], [0.9]]))
    assert mean == pytest.approx([0.6, 0.55], abs=0.012)


def test_a_fold_that_scores_lower_lowers_no_radius():
    rng = np.random.default_rng(2)
    inputs = np.concatenate([np.linspace(0, 1, 12), np.full(6, 0.5)])[:, None]
    folds = [0] * 12 + [1] * 6
    values = 0.5 - 0.05 * np.array(folds) + rng.normal(0, 0.005, 18)
    mean, _ = GaussianProcess(inputs, values, folds, 0.02).posterior(np.array([[0.0], [0.5], [1.0]]))
    assert np.ptp(mean) < 0.015


def test_draws_have_the_posterior_as_mean_and_spread():
    model = GaussianProcess(np.array([[0.1], [0.5], [0.9]]), [0.1, 0.3, 0.2], [0, 0, 0], 0.02)
    grid = np.array([[0.3], [0.7]])
    mean, covariance = model.posterior(grid)
    draws = model.draws(grid, 20_000)
    assert draws.mean(axis=0) == pytest.approx(mean, abs=0.005)
    assert np.cov(draws.T) == pytest.approx(covariance, abs=0.001)
    assert (draws == model.draws(grid, 20_000)).all()


def test_values_that_are_all_the_same_give_that_value():
    mean, _ = GaussianProcess(np.array([[0.0], [0.5], [1.0]]), [0.4] * 3, [0] * 3, 0.02).posterior(np.array([[0.2]]))
    assert mean == pytest.approx([0.4])


def test_points_become_numbers_between_0_and_1():
    space = load_space("mask_fixed")
    points = [{"r_max": 25.0, "normalize": True, "lr": 3e-3, "beta": 1e-3}, {"r_max": 61.24, "normalize": False,
              "lr": 3e-4, "beta": 1e-4}]  # fmt: skip
    found = encoded(points, space.searched)
    assert found == pytest.approx(np.array([[0, 0, 1, 0.5], [0.5, 1, 0, 0]]), abs=1e-3)


def test_noise_that_no_trial_was_repeated_to_tell_is_taken_to_be_what_is_expected():
    """Trials that none was repeated of could be a jagged response as well as noise."""
    inputs = np.linspace(0, 1, 14)[:, None]
    values = np.random.default_rng(0).normal(0.9, 0.02, 14)
    assert GaussianProcess(inputs, values, [0] * 14, 0.02).scales.noise == pytest.approx(0.02, rel=0.5)
