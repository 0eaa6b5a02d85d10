"""The square mask: the conformance suite, a hand-computed example, and its search space."""

import torch

from bench.space.limits import check_values
from bench.space.reader import load_space
from cellbench.suppression import build_suppression
from cellbench.testing import SuppressionConformance


class TestSquareMask(SuppressionConformance):
    method = "mask_square"


def test_weights_are_1_inside_the_square_and_0_outside():
    mask = build_suppression("mask_square", {"half_side": 2.0, "normalize": False}, 8, 4, 8)
    found = mask.weights(torch.zeros(3, 8), 4, None).map  # pixels are 2 native px wide: distances 3, 1, 1, 3
    inner, outer = [0.0, 1.0, 1.0, 0.0], [0.0] * 4
    assert found[0, 0].tolist() == [outer, inner, inner, outer]


def test_the_search_space_is_valid_and_scaled_to_the_data_set():
    space = load_space("mask_square").scaled(128)
    check_values(space, 128)
    assert space.grid_points()[0]["half_side"] == 25
