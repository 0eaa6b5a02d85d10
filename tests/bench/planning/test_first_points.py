"""First guesses of a radius, before anything is trained."""

import pytest

from bench.planning.first_points import ESTIMATE, LINEAR, first_points
from bench.planning.warm_start import with_warm_start
from bench.space.overrides import override
from bench.space.reader import load_space
from cellbench.radius import estimate_radius, recommended_r_max


@pytest.fixture
def spaces(discs):
    return [load_space(name).scaled(discs.card.native_size) for name in ("vae", "mask_fixed", "mask_sampled", "noise")]


def test_masks_whose_radius_is_searched_get_the_estimate_and_the_linear_curves_best(discs, spaces, home):
    found = first_points(spaces, discs, 16, "kernel_ridge")
    assert set(found) == {"mask_fixed", "mask_sampled"}
    expected = recommended_r_max(estimate_radius(discs).radius_px, "sqrt", 40).best
    assert found["mask_fixed"][ESTIMATE]["r_max"] == pytest.approx(expected, abs=0.01)
    assert found["mask_sampled"][ESTIMATE]["r_mean"] == found["mask_fixed"][ESTIMATE]["r_max"]
    assert found["mask_fixed"][ESTIMATE]["normalize"] is True
    low, high = spaces[1].parameters["r_max"].low, spaces[1].parameters["r_max"].high
    assert low <= found["mask_fixed"][LINEAR]["r_max"] <= high


def test_a_hidden_input_gets_its_own_estimate_and_no_linear_curve(discs, home):
    spaces = override([load_space("hide").scaled(discs.card.native_size)], ["r_hide=4..20"])
    (found,) = first_points(spaces, discs, 16, "kernel_ridge").values()
    assert set(found) == {ESTIMATE}
    assert found[ESTIMATE]["r_hide"] == pytest.approx(1.15 * estimate_radius(discs).radius_px, abs=0.01)


def test_guesses_stay_inside_a_narrowed_space(discs, spaces, home):
    narrowed = override(spaces[1:2], ["r_max=5..7"])
    for point in first_points(narrowed, discs, 16, "kernel_ridge")["mask_fixed"].values():
        assert narrowed[0].holds(point)


def test_what_searches_found_is_tried_before_guesses_and_both_before_the_papers_points(discs, spaces):
    space = spaces[1]
    guess = space.complete({"r_max": 11.0})
    warmed, sources = with_warm_start(space, discs.card, {ESTIMATE: guess, LINEAR: guess})
    assert sources == [ESTIMATE], "the same point is tried once"
    assert warmed.first_points()[0] == guess
    assert warmed.first_points()[1:] == space.first_points()
