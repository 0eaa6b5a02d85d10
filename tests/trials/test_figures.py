"""The figure of a trial."""

import numpy as np
import pytest
from matplotlib.image import imread

from cellbench.trials.figures import save_reconstructions

BLUE = np.array([0x1F, 0x77, 0xB4]) / 255


@pytest.mark.parametrize(("r_max", "n_circles"), [(None, 0), (np.array([5.0, 12.0]), 2)])
def test_the_radius_of_each_patch_is_a_circle_on_it(tmp_path, r_max, n_circles):
    white = np.ones((2, 40, 40, 3))
    save_reconstructions(tmp_path / "picture.png", white, white, np.ones((2, 40, 40)), r_max, "two patches")
    blue = np.abs(imread(tmp_path / "picture.png")[..., :3] - BLUE).max(axis=2) < 0.05
    middle = blue.shape[1] // 2
    widths = [np.ptp(np.nonzero(half.any(axis=0))[0]) for half in (blue[:, :middle], blue[:, middle:]) if half.any()]
    assert len(widths) == n_circles
    if n_circles:
        assert widths[1] / widths[0] == pytest.approx(12 / 5, rel=0.05), "diameters are proportional to the radii"
