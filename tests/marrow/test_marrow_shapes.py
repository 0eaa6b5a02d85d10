import numpy as np
import pytest

from cellbench.marrow.crowd import Crowd
from cellbench.marrow.draw import open_window
from cellbench.marrow.fields import granules, ramp, smooth_noise
from cellbench.marrow.outlines import ANGLES, Outline, bulge, chain_distance, draw_outline


def polygon_area(outline):
    x, y = outline.radii_um * np.cos(ANGLES), outline.radii_um * np.sin(ANGLES)
    return 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def test_an_outline_has_the_area_of_its_polygon_and_of_the_given_radius():
    rng = np.random.default_rng(0)
    outline = bulge(draw_outline(rng, 5.0, 0.05, 1.2), 1.0, 0.3, 5.0)
    assert outline.area_um2 == pytest.approx(np.pi * 25)
    assert polygon_area(outline) == pytest.approx(np.pi * 25, rel=0.01)


def test_a_circles_distance_is_exact_on_both_sides_of_every_angle():
    circle = Outline(np.full(96, 3.0))
    x, y = np.float32([[-5, -1, 0, 2, 4]]), np.float32([[-2], [0], [3]])
    distance, relative = circle.distance(x, y)
    np.testing.assert_allclose(distance, 3 - np.hypot(x, y), atol=1e-5)
    np.testing.assert_allclose(relative, np.hypot(x, y) / 3, atol=1e-5)


def test_an_outline_is_interpolated_between_its_angles():
    outline = Outline(2 + np.cos(ANGLES))
    angle = np.linspace(-np.pi, np.pi, 50).astype(np.float32)
    np.testing.assert_allclose(outline.at(angle), 2 + np.cos(angle), atol=2e-3)


def test_a_chain_is_the_union_of_its_discs_along_its_strokes():
    points, radii = np.array([[-2.0, 0.0], [2.0, 0.0]]), np.array([1.0, 2.0])
    x, y = np.float32([[-4, -2, 0, 2, 5]]), np.float32([[0], [1]])
    slow = np.full((2, 5), -np.inf)
    for t in np.linspace(0, 1, 2001):
        gap = np.hypot(x - (4 * t - 2), y)
        slow = np.where(np.abs(x - (4 * t - 2)) < 3e-3, np.maximum(slow, 1 + t - gap), slow)
    for column, end in ((0, 0), (4, 1)):  # beyond the ends: the end's disc
        slow[:, column] = radii[end] - np.hypot(x[0, column] - points[end, 0], y[:, 0])
    np.testing.assert_allclose(chain_distance(x, y, points, radii), slow, atol=3e-3)
    with pytest.raises(ValueError, match="at least two points"):
        chain_distance(x, y, points[:1], radii[:1])


@pytest.mark.parametrize("spacing_px", [0.3, 2.0, 9.0])
def test_noise_has_unit_variance_and_the_given_grain(spacing_px):
    noise = smooth_noise(np.random.default_rng(1), 150, 130, spacing_px)
    assert noise.shape == (150, 130)
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(1, abs=0.15)
    neighbours = np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]
    assert neighbours > {0.3: 0.4, 2.0: 0.8, 9.0: 0.98}[spacing_px]


def test_no_granules_are_an_empty_field_and_one_peaks_near_one():
    rng = np.random.default_rng(2)
    assert not granules(rng, 8, 9, 0, 1.0).any()
    peaks = [granules(rng, 81, 81, 1, 2.0).max() for _ in range(21)]
    assert 0.55 < min(peaks) < np.median(peaks) < 1.3


def test_a_ramp_ends_at_zero_and_one_exactly():
    np.testing.assert_allclose(ramp(np.float32([-9, -0.5, 0, 0.25, 0.5, 9]), 1.0), [0, 0, 0.5, 0.75, 1, 1])


def test_a_window_is_cut_at_the_patchs_border_and_none_where_it_misses():
    window = open_window(20, 0.5, (0.0, 5.0), 2.0)
    assert (window.rows.start, window.columns.start) == (5, 0)
    assert window.shape == (10, 5)
    assert window.x[0, 0] == pytest.approx(0.25)
    assert open_window(20, 0.5, (-5.0, 5.0), 2.0) is None


def test_a_crowd_keeps_the_centre_cell_clear():
    rng = np.random.default_rng(3)
    for _ in range(20):
        crowd = Crowd(20.0, (10.0, 10.0), 5.0)
        for _ in range(40):
            place = crowd.find_place(rng, 3.0, (0.1, 0.5))
            if place is not None:
                assert np.hypot(place[0] - 10, place[1] - 10) >= 5 + 3 - 0.22 * 3 - 1e-9
                assert -3 <= min(place) <= max(place) <= 23
