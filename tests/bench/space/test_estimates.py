"""`auto` in a search space becomes a number in px before the first trial."""

import re

import numpy as np
import pytest
from drawn_cells import draw_cells, write_cells
from programs import plan_search

from bench.space.domains import Range
from bench.space.estimates import needs_estimate, with_values
from bench.space.limits import check_values
from bench.space.overrides import override
from bench.space.reader import load_space
from bench.space.space import radius_name
from cellbench.errors import DataError, SettingError
from cellbench.radius import FACTORS, estimate_radius
from cellbench.radius.factors import HIDE_FACTOR


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """A home with a data set `cells` of known radius."""
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    patches, groups, _ = draw_cells()
    return write_cells(tmp_path / "datasets", patches, groups)


def request(*methods, **changes):
    return plan_search(*methods, dataset="cells", trials="1", epochs="1", **changes)[0]


def test_the_request_has_the_estimated_number(cells):
    radius = estimate_radius(cells).radius_px
    found = request("mask_auto", "mask_profile", "mask_fixed", set=["r_max=auto"])
    automatic, profile, fixed = found.spaces
    for space in (automatic, fixed):
        assert space.complete({})["r_max"] == pytest.approx(radius * FACTORS["sqrt"].best, rel=1e-3)
        assert "r_max" not in space.searched
    assert profile.complete({})["profile"].startswith("0.0:1 ")
    assert not needs_estimate(found.spaces)
    assert len(fixed.grid_points()) == 1, "the points of the grid are equal now"


def test_the_number_depends_on_the_shape(cells):
    hard = request("mask_auto", set=["shape=hard"]).spaces[0].complete({})["r_max"]
    sqrt = request("mask_auto").spaces[0].complete({})["r_max"]
    assert hard / sqrt == pytest.approx(FACTORS["hard"].best / FACTORS["sqrt"].best, rel=0.01)


def test_a_given_radius_replaces_auto(cells):
    assert request("mask_auto", set=["r_max=17"]).spaces[0].complete({})["r_max"] == 17.0


def test_a_range_of_radii_replaces_auto_and_is_searched_on_a_log_scale(cells):
    (space,) = request("hide", set=["r_hide=5..20"]).spaces
    assert space.searched["r_hide"] == Range(low=5, high=20, log=True, default=10)
    assert radius_name(space) == "r_hide"
    with pytest.raises(SettingError, match="has no range"):
        request("mask_profile", set=["profile=5..20"])


def test_the_disc_of_the_hidden_input_is_estimated_beside_the_mask(cells):
    radius = estimate_radius(cells).radius_px
    values = request("hide").spaces[0].complete({})
    assert values["r_hide"] == pytest.approx(HIDE_FACTOR * radius, rel=1e-3)
    assert values["r_max"] == pytest.approx(FACTORS["sqrt"].best * radius, rel=1e-3)


def test_what_to_type_in_place_of_each_auto_is_said_where_there_is_no_estimate(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    noise = np.random.default_rng(0).integers(0, 255, (240, 32, 32, 3), dtype=np.uint8)
    write_cells(tmp_path / "datasets", noise, np.arange(240) % 12)
    for method, typed in (
        ("hide", "--set r_max=PX and --set r_hide=PX."),
        ("mask_profile", "--set profile='0:1 20:0.9 60:0'."),
    ):
        with pytest.raises(DataError, match=re.escape(f"give {typed}")):
            request(method)


def test_all_means_the_eight_methods_of_the_paper(cells):
    assert not {"mask_auto", "mask_profile", "mask_prior", "mask_evidence"} & set(request("all").methods)


@pytest.mark.parametrize("text", ["r_max=auto,50", "lr=auto", "shape=auto"])
def test_auto_is_refused_among_choices_and_without_an_estimate(cells, text):
    with pytest.raises(SettingError):
        request("mask_fixed", set=[text])


@pytest.mark.parametrize("method", ["mask_auto", "mask_profile", "mask_prior", "hide"])
def test_a_filled_space_fits_patches_of_any_size(method):
    for native_size in (40, 256):
        r_max, r_hide = 0.3 * native_size, 0.2 * native_size
        values = {"r_max": r_max, "r_hide": r_hide, "profile": f"0:1 {0.2 * native_size}:0.5 {0.4 * native_size}:0"}
        space = with_values(load_space(method).scaled(native_size), lambda kind, shape, values=values: values[kind])
        check_values(space, native_size)


def test_sampled_masks_have_their_mean_estimated():
    (space,) = override([load_space("mask_sampled").scaled(256)], ["r_mean=auto"])
    assert with_values(space, lambda kind, shape: 60.0).complete({})["r_mean"] == 60.0
