"""The ring profile: numbers of a drawn disc, computed by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cellbench.floors import FLOORS, CellRadius, UnavailableFloorError
from cellbench.floors.rings import optical_density, ring_members
from cellbench.testing.floors import example_context

RingProfile = FLOORS.get("ring_profile")


def disc(side, radius, inside, outside):
    """Return one patch with a disc of one colour on another, uint8, shape (1, side, side, 3)."""
    axis = np.arange(side) - (side - 1) / 2
    within = np.hypot(axis[:, None], axis[None]) < radius
    return np.where(within[..., None], inside, outside).astype(np.uint8)[None]


def profile(patches, native_size, radius):
    floor = RingProfile(example_context(native_size, radius))
    return floor.fit(patches, 0).embed(patches)[0].reshape(-1, 2, 3)  # (rings, mean and std, channels)


def test_optical_density_is_minus_the_logarithm_and_finite_for_black():
    found = optical_density(np.array([255, 51, 1, 0], np.uint8))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0, math.log(5), math.log(255), math.log(255)], rtol=1e-6)
    assert not np.signbit(found).any()


def test_a_disc_that_ends_at_an_edge_has_its_density_inside_zero_outside_and_no_spread():
    """Radius 24 px: rings of 3.9 px. A disc of 4 rings, 15.6 px, has −ln(51/255) = 1.609 in red, white is 0."""
    found = profile(disc(64, 15.6, (51, 102, 255), (255, 255, 255)), 64, 24.0)
    assert found.shape == (8, 2, 3)
    np.testing.assert_allclose(found[:4, 0], [[math.log(5), math.log(2.5), 0]] * 4, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[4:, 0], 0, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[:, 1], 0, rtol=1e-5, atol=1e-5)


def test_a_ring_that_is_half_dark_has_half_the_density_and_as_much_spread():
    """The left half is black to red: a ring of two equal halves of 0 and d has mean d/2 and deviation d/2."""
    patches = np.full((1, 64, 64, 3), 255, np.uint8)
    patches[:, :, :32, 0] = 51
    found = profile(patches, 64, 24.0)
    np.testing.assert_allclose(found[:, 0, 0], math.log(5) / 2, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[:, 1, 0], math.log(5) / 2, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[:, :, 1:], 0, rtol=1e-5, atol=1e-5)


def test_rings_are_the_pixels_between_two_distances_counted_by_hand():
    """Distances in 4 × 4 px: four pixels at 0.71, eight at 1.58, four at 2.12; at twice the native size, twice."""
    assert [len(ring) for ring in ring_members(4, 4, [0, 1, 2, 3], 4)] == [4, 8, 4]
    assert [len(ring) for ring in ring_members(4, 8, [0, 1, 2, 4], 4)] == [4, 8]
    assert ring_members(4, 4, [0, 1], 4)[0].tolist() == [5, 6, 9, 10]
    assert [len(ring) for ring in ring_members(3, 3, [0, 1, 2], 3)] == [5 - 4, 8]


def test_a_ring_without_a_pixel_is_left_out():
    """Radius 1 px of 64: no pixel but the four at 0.71 px lies within 1.3 px."""
    found = profile(disc(64, 1.0, (51, 51, 51), (255, 255, 255)), 64, 1.0)
    np.testing.assert_allclose(found, [[[math.log(5)] * 3, [0] * 3]], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["ring_profile", "patch_dictionary"])
def test_without_a_radius_the_floor_says_why(name):
    unknown = replace(example_context(), radius=CellRadius(None, "no cell was found"))
    with pytest.raises(
        UnavailableFloorError,
        match=rf"The floor {name} needs the radius of the cells, which is unknown \(no cell was found\); give it",
    ):
        FLOORS.get(name)(unknown)


@pytest.mark.parametrize("name", ["ring_profile", "patch_dictionary"])
def test_a_radius_below_a_pixel_is_named(name):
    with pytest.raises(UnavailableFloorError, match=f"The floor {name} needs cells that are larger than a pixel"):
        FLOORS.get(name)(example_context(4096, 0.1))
