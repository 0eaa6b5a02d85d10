"""Comparisons of routes with a grid of trainings: by hand on small curves, and once with real trainings."""

import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind
from typer.testing import CliRunner

from bench.study.radius.comparison import app as comparison_app
from bench.study.radius.comparison import compare
from bench.study.radius.curves import draw, equally_good_radii
from bench.study.radius.grid import app as grid_app
from bench.study.radius.grid import grid_jobs
from bench.study.radius.grid_curve import GridCurve, fresh_scores
from bench.study.radius.methods import VARIANTS, method_and_params
from bench.study.radius.radius_factors import f1_differences
from bench.study.radius.ranking import Route, rank_correlation, routes_of
from bench.study.radius.samplers import replay
from bench.study.radius.shapes import components_score
from bench.study.trainings import settings_for
from cellbench.errors import DataError, NotFoundError
from cellbench.floors.linear_curve import linear_curve

RADII = np.array([25.0, 50.0, 100.0])


def grid_curve(*curves):
    return GridCurve(RADII, np.array(curves, dtype=float))


def test_the_shortfall_is_welchs_difference_from_the_best_radius():
    found = grid_curve([0.5, 0.7, 0.6], [0.6, 0.8, 0.7], [0.4, 0.75, 0.5])
    expected = ttest_ind(found.f1[:, 2], found.f1[:, 1], equal_var=False).confidence_interval(0.95)
    assert found.shortfall(100.0) == pytest.approx((-0.15, expected.low, expected.high))
    assert found.shortfall(50.0) == (0, 0, 0)


def test_between_two_radii_both_count_and_the_best_radius_once():
    found = grid_curve([0.5, 0.7, 0.6], [0.6, 0.8, 0.7], [0.4, 0.75, 0.5])
    lost, low, high = found.shortfall(50 * 2**0.5)
    assert (lost, low, high) == pytest.approx([each / 2 for each in found.shortfall(100.0)])


def test_fresh_seeds_judge_the_best_radius():
    found = grid_curve([0.5, 0.7, 0.6], [0.6, 0.8, 0.7], [0.4, 0.75, 0.5])
    fresh = np.array([0.68, 0.62, 0.66])
    expected = ttest_ind(found.f1[:, 2], fresh, equal_var=False).confidence_interval(0.95)
    lost = found.f1[:, 2].mean() - fresh.mean()
    assert found.shortfall(100.0, fresh) == pytest.approx((lost, expected.low, expected.high))


def test_only_seeds_that_chose_nothing_are_fresh():
    grid = pd.DataFrame(
        [(s, r, f1) for s in (0, 1) for r, f1 in ((25, 0.5), (50, 0.7))], columns=["seed", "r_256", "probe/f1_macro"]
    )
    rows = [(0, 50, 0.9), (2, 50, 0.6), (3, 50, 0.65), (2, 25, 0.1)]
    more = pd.DataFrame(rows, columns=grid.columns)
    assert fresh_scores(grid, more).tolist() == [0.6, 0.65]
    assert fresh_scores(grid, None) is None
    with pytest.raises(DataError, match="no further seed at 50 px"):
        fresh_scores(grid, more[:1])


def test_between_radii_the_curve_is_linear_on_a_log_scale():
    assert grid_curve([0.5, 0.7, 0.6]).at(50 * 2**0.5) == pytest.approx(0.65)


def test_radii_that_lack_a_seed_are_left_out():
    rows = [(0, 25, 0.5), (0, 50, 0.7), (1, 25, 0.6)]
    found = GridCurve.of(pd.DataFrame(rows, columns=["seed", "r_256", "probe/f1_macro"]))
    assert found.radii.tolist() == [25]
    assert found.f1.tolist() == [[0.5], [0.6]]


def test_ranks_are_compared_over_the_radii_that_both_know():
    found = grid_curve([0.5, 0.7, 0.6])
    assert rank_correlation(found, RADII, np.array([1.0, 3.0, 2.0])) == pytest.approx(1)
    assert rank_correlation(found, RADII, np.array([3.0, 1.0, 2.0])) == pytest.approx(-1)
    assert rank_correlation(found, np.array([25, 50, 77]), np.array([1, 2, 9])) == pytest.approx(1)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_regret_never_rises_where_the_score_has_no_noise(sampler):
    regret = replay(grid_curve([0.5, 0.7, 0.6]), sampler, (), 8, seed=0)
    assert (regret >= 0).all()
    assert (np.diff(regret) <= 0).all()


def test_a_search_that_tries_the_best_radius_first_has_no_regret():
    assert replay(grid_curve([0.5, 0.7, 0.6]), "tpe", (50.0,), 3, seed=0) == pytest.approx(np.zeros(3), abs=1e-12)


def test_the_grid_trains_every_radius_of_a_seed_before_the_next_in_px_of_the_data_set(discs, tmp_path):
    jobs = grid_jobs(discs, (64, 128), "sqrt", 2, 500, 16, tmp_path)
    assert [(job.configuration.params["r_max"], job.seed) for job in jobs] == [(10, 0), (20, 0), (10, 1), (20, 1)]
    assert len({job.directory for job in jobs}) == 4
    n_training = len(discs.rows("pool")) * 4 // 5
    assert jobs[0].settings.epochs == 500 // n_training
    assert settings_for(discs, 1, 16).epochs == 1


def test_each_variant_is_a_method_with_its_hyperparameters(discs):
    from cellbench.suppression import build_suppression

    for name in VARIANTS:
        method, params = method_and_params(name, discs)
        build_suppression(method, params, 40, 16, 8)
    with pytest.raises(NotFoundError, match="no variant 'mask_otto'"):
        method_and_params("mask_otto", discs)


@pytest.mark.slow
def test_a_grid_is_not_trained_again_where_the_table_has_it(discs, tmp_path, monkeypatch):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    path = tmp_path / "grid.csv"
    command = ["discs", "--radii", "64,128", "--passes", "1", "--size", "16", "--table", str(path)]
    first = CliRunner().invoke(grid_app, [*command, "--seeds", "1"])
    assert first.exit_code == 0, first.output
    assert "2 trainings at 16 px, 2 to run" in first.output
    before = pd.read_csv(path)
    shutil.rmtree(tmp_path / "study")  # as on another machine, to which the table alone was brought
    again = CliRunner().invoke(grid_app, [*command, "--seeds", "2"])
    assert "4 trainings at 16 px, 2 to run" in again.output, again.output
    table = pd.read_csv(path)
    assert sorted(zip(table["seed"], table["r_256"], strict=True)) == [(0, 64), (0, 128), (1, 64), (1, 128)]
    assert table["probe/f1_macro"].between(0, 1).all()
    pd.testing.assert_frame_equal(table[:2], before)


def test_routes_are_read_from_their_curves_with_their_cost():
    found = grid_curve([0.5, 0.7, 0.6])
    rows = [
        ("conditioned", s, r, score, 10.0) for s in (0, 1) for r, score in zip(RADII, (0.1, 0.2 + s, 0.3), strict=True)
    ]
    curves = pd.DataFrame(rows, columns=["route", "seed", "r_256", "score", "cost/pixels"])
    tuned = curves[curves["r_256"] == 50].assign(route="tuned")
    conditioned, tuned_only = routes_of(found, pd.concat([curves, tuned]), 200.0)
    assert (conditioned.name, conditioned.picked, conditioned.cost) == ("conditioned", 50, pytest.approx(0.1))
    assert conditioned.correlation == pytest.approx(1)
    assert tuned_only.picked == 50
    assert np.isnan(tuned_only.correlation), "one radius ranks nothing"


def test_variants_and_principal_components_are_compared_by_welch():
    rows = [("auto", 1, 0.7, 20), ("auto", 0, 0.8, 20), ("auto", 2, 0.6, 20), ("one", 0, 0.9, 20)]
    variants = pd.DataFrame(rows, columns=["way", "seed", "probe/f1_macro", "cost/pixels"])
    best = np.array([0.7, 0.8])
    linear = pd.DataFrame({"r_256": [25, 50], "score": [0.9, 0.85]})
    auto, one, components = compare(best, 200.0, variants, linear)
    assert auto.f1.tolist() == [0.8, 0.7, 0.6]
    expected = ttest_ind(auto.f1, best, equal_var=False).confidence_interval(0.95)
    assert (auto.difference, auto.low, auto.high) == pytest.approx((-0.05, expected.low, expected.high))
    assert auto.cost == pytest.approx(0.1), "20 of the 200 that the grid spends on a seed"
    assert np.isnan(one.low), "one seed has no interval"
    assert (components.name, components.difference) == ("pca_masked, 25 px", pytest.approx(0.9 - 0.75))
    half = 12.706205 * 0.05  # Student's t with one degree of freedom; the score of PCA has no seeds
    assert (components.low, components.high) == pytest.approx((0.15 - half, 0.15 + half), abs=1e-5)
    assert components.cost == 0


def test_a_variant_can_be_the_reference(tmp_path):
    rows = [(way, s, f1 + 0.01 * s**2, 20) for way, f1 in (("vae", 0.5), ("mask_auto", 0.6)) for s in range(3)]
    table = pd.DataFrame(rows, columns=["way", "seed", "probe/f1_macro", "cost/pixels"])
    table.to_csv(tmp_path / "methods.csv", index=False)
    arguments = [str(tmp_path / "methods.csv")] * 2
    found = CliRunner().invoke(comparison_app, [*arguments, "--reference", "vae"], env={"COLUMNS": "120"})
    assert found.exit_code == 0, found.output
    assert "+0.100" in found.output
    assert "the reference is vae" in found.output
    wrong = CliRunner().invoke(comparison_app, [*arguments, "--reference", "vea"])
    assert wrong.exit_code == 2
    assert "no variant 'vea'" in wrong.output


def test_the_equally_good_radii_are_one_interval_around_the_best(tmp_path):
    curve = GridCurve(np.array([25.0, 50.0, 100.0, 200.0]), np.array([[0.7, 0.6, 0.7, 0.68]]))
    low, high = equally_good_radii(curve)
    assert (low, high) == (25, pytest.approx(25 * 2**0.1, rel=0.01)), "the first best; the other lies beyond a dip"
    wide = GridCurve(np.array([25.0, 50.0, 100.0]), np.array([[0.5, 0.7, 0.695]]))
    assert equally_good_radii(wide) == (pytest.approx(50 * 2**-0.05, rel=0.01), 100)
    draw([("one", wide, Route("estimate", 60.0, float("nan"), 0.0)), ("two", curve, None)], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_multiples_of_the_estimate_are_read_from_the_mean_curve():
    found = f1_differences(grid_curve([0.5, 0.7, 0.6], [0.5, 0.7, 0.7]), 50.0, (0.5, 1.0, 2**0.5, 9.0))
    assert found == pytest.approx([-0.2, 0, -0.025, -0.05]), "beyond the last radius the last counts"


def test_components_of_a_shape_equal_the_linear_curve_and_those_of_a_crop_its_view(discs, tmp_path):
    _, params = method_and_params("mask_auto, hard", discs)
    (expected,) = linear_curve(discs, [params["r_max"]], "hard", 16, tmp_path, "paper")
    assert components_score(discs, "mask_auto, hard", 16) == expected
    whole, small = (components_score(discs, name, 16) for name in ("vae", "crop_small"))
    assert small < whole, "a quarter of the side does not show these discs"
