"""The estimated radius: correct on known radii, invariant where it must be, and doubted where it is uncertain."""

import numpy as np
import pytest
from drawn_cells import SIZE, draw_cells, write_cells
from hypothesis import given, settings
from hypothesis import strategies as st

from cellbench.errors import DataError
from cellbench.marrow import MarrowSpec, draw_marrow
from cellbench.radius import estimate_radius
from cellbench.radius.estimate import estimate_from_rings
from cellbench.radius.rings import Rings, read_rings
from cellbench.suppression.mask_profile import read_profile


def rings_of(patches, boxes=None):
    size = patches.shape[1]
    boxes = np.tile((0, 0, size, size), (len(patches), 1)) if boxes is None else boxes
    return read_rings(patches, size, boxes)


def estimate(rings, groups):
    return estimate_from_rings(rings, groups, np.random.default_rng(0), 0.0)


@pytest.fixture(scope="module")
def drawn():
    patches, groups, radii = draw_cells()
    return patches, rings_of(patches), groups, float(np.median(radii))


def test_the_radius_of_drawn_cells_is_found_with_an_interval_and_without_doubt(tmp_path, drawn):
    patches, _, groups, true = drawn
    found = estimate_radius(write_cells(tmp_path, patches, groups))
    assert found.radius_px == pytest.approx(true, rel=0.15)
    assert found.low_px <= found.radius_px <= found.high_px
    assert found.high_px - found.low_px < 0.2 * true
    assert found.shoulder_px < found.radius_px < found.knee_px
    assert found.doubts == ()
    assert 0.7 * 240 < found.n_patches < 0.9 * 240, "a fifth is held out"


@pytest.mark.parametrize("radius", [9.0, 11.0, 18.0])
def test_a_larger_cell_has_a_larger_radius(radius):
    patches, groups, radii = draw_cells(radius=radius)
    assert estimate(rings_of(patches), groups).radius_px == pytest.approx(np.median(radii), rel=0.15)


def test_the_same_seed_gives_the_same_numbers_and_the_holdout_is_not_used(tmp_path, drawn):
    patches, _, groups, _ = drawn
    patch_set = write_cells(tmp_path, patches, groups)
    first, again = (estimate_radius(patch_set, seed=3, max_patches=100) for _ in range(2))
    assert (first.radius_px, first.low_px, first.high_px) == (again.radius_px, again.low_px, again.high_px)
    shown = patch_set.index["in_holdout"].to_numpy()
    spoilt = np.where(shown[:, None, None, None], 0, patches).astype(np.uint8)
    patch_set.patches = spoilt
    assert estimate_radius(patch_set, seed=3, max_patches=100).radius_px == first.radius_px


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_order_of_patches_and_names_of_groups_do_not_matter(drawn, seed):
    _, rings, groups, _ = drawn
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(len(groups)), rng.permutation(100)[:12]
    moved = Rings(rings.distances, rings.colours[order], rings.valid[order])
    one, other = estimate(rings, groups), estimate(moved, names[groups][order])
    for name in ("radius_px", "low_px", "high_px", "spread", "plateau"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-3), name
    assert one.doubts == other.doubts


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**16), strength=st.floats(0.02, 0.2), by_group=st.booleans())
def test_a_shared_tint_does_not_move_the_radius(drawn, seed, strength, by_group):
    _, rings, groups, _ = drawn
    known = groups if by_group else np.arange(len(groups))  # of single patches no group can tell the tint
    tint = np.exp(np.random.default_rng(seed).normal(0, strength, (len(known), 3)))[known].astype(np.float32)
    tinted = Rings(rings.distances, rings.colours * tint[:, None, None], rings.valid)
    plain = estimate(rings, known)
    assert estimate(tinted, known).radius_px == pytest.approx(plain.radius_px, rel=0.06)


def test_padding_does_not_count(drawn):
    patches, _, groups, true = drawn
    boxes = np.tile((0, 0, SIZE, SIZE), (len(patches), 1))
    boxes[::3] = (0, 0, SIZE, SIZE - 18)
    boxes[1::5] = (14, 0, SIZE, SIZE)
    one, other = patches.copy(), patches.copy()
    rng = np.random.default_rng(0)
    for patch, (top, left, bottom, right) in zip(other, boxes, strict=True):
        outside = np.ones((SIZE, SIZE), bool)
        outside[top:bottom, left:right] = False
        patch[outside] = rng.integers(0, 256, 3)
    clean, spoilt = (estimate(rings_of(each, boxes), groups) for each in (one, other))
    assert spoilt.radius_px == clean.radius_px
    np.testing.assert_array_equal(spoilt.dependence, clean.dependence)
    assert clean.radius_px == pytest.approx(true, rel=0.15)
    assert estimate(rings_of(other), groups).radius_px != clean.radius_px, "the padding would have mattered"


def test_few_patches_are_doubted():
    patches, groups, _ = draw_cells(n=40, n_groups=3)
    doubts = " ".join(estimate(rings_of(patches), groups).doubts)
    assert "Only 40 patches" in doubts
    assert "from 3 groups" in doubts


def test_cells_off_the_centre_are_doubted():
    patches, groups, _ = draw_cells(off_centre=0.3)
    assert any("off the centre" in doubt for doubt in estimate(rings_of(patches), groups).doubts)


def test_mixed_sizes_are_doubted():
    patches, groups, _ = draw_cells(radius=np.where(np.arange(240) % 2, 7.0, 20.0))
    groups = np.arange(240) // 2 % 12  # each group has both
    assert any("different sizes" in doubt for doubt in estimate(rings_of(patches), groups).doubts)


def test_groups_of_different_magnification_are_doubted_and_each_has_its_radius():
    patches, groups, _ = draw_cells(n=300, radius=np.where(np.arange(300) % 10 < 5, 9.0, 18.0), n_groups=10)
    found = estimate(rings_of(patches), groups)
    assert any(doubt.startswith("Groups differ") for doubt in found.doubts)
    assert np.median(found.group_radii_px[:5]) == pytest.approx(9, rel=0.15)
    assert np.median(found.group_radii_px[5:]) == pytest.approx(18, rel=0.15)


def test_cells_that_fill_the_patch_are_doubted():
    patches, groups, _ = draw_cells(radius=29.0)
    assert any("near the border" in doubt for doubt in estimate(rings_of(patches), groups).doubts)


def test_patches_without_a_cell_have_no_radius():
    patches = np.random.default_rng(0).integers(0, 256, (200, SIZE, SIZE, 3), dtype=np.uint8)
    found = estimate(rings_of(patches), np.arange(200))
    assert found.doubts, "every estimate on noise is doubted"


def test_too_few_patches_are_refused(tmp_path, drawn):
    patch_set = write_cells(tmp_path, *drawn[0:3:2])
    patch_set.index["in_holdout"] = np.arange(240) > 8
    with pytest.raises(DataError, match=r"cells cannot be estimated: it needs 10 patches .* has 9 of 64 px"):
        estimate_radius(patch_set)


def test_the_profile_is_one_in_the_cell_half_at_its_radius_and_ends_at_zero(drawn):
    _, rings, groups, _ = drawn
    found = estimate(rings, groups)
    knots = read_profile(found.weight_text)
    distances, weights = zip(*knots, strict=True)
    assert weights[0] == 1
    assert weights[-1] == 0
    assert np.interp(found.radius_px, distances, weights) == pytest.approx(0.5, abs=0.02)
    assert list(weights) == sorted(weights, reverse=True)


def marrow(radius, size, n):
    """Return the estimate and the true median radius of a marrow variant; `radius` is px of a 256 px patch."""
    spec = MarrowSpec(n_patches=n, n_slides=8, size=size, median_radius_px=radius * size / 256, seed=5)
    drawn = draw_marrow(spec)
    found = estimate(rings_of(drawn.patches), drawn.index["group"].to_numpy())
    return found, float(np.median(drawn.index["radius_px"]))


def test_marrow_of_two_magnifications_is_distinguished():
    for radius in (45, 75):
        found, true = marrow(radius, 64, 110)
        assert found.radius_px == pytest.approx(true, rel=0.15)


@pytest.mark.slow
# At 45 and 75 px, the test above estimates smaller sets.
@pytest.mark.parametrize("radius", [30, *(pytest.param(px, marks=pytest.mark.long) for px in (50, 70)), 100])
def test_marrow_of_known_radius(radius):
    found, true = marrow(radius, 128, 400)
    assert found.radius_px == pytest.approx(true, rel=0.15)
    assert any("near the border" in doubt for doubt in found.doubts) == (radius == 100)
