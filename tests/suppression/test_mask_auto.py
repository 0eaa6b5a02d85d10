"""The mask of the estimated radius is the fixed mask of that radius."""

import math

import torch

from cellbench.suppression import build_suppression


def test_weights_are_equation_3_of_the_estimated_radius():
    mask = build_suppression("mask_auto", {"r_max": 2.0, "normalize": False}, 4, 4, 8)
    found = mask.weights(torch.zeros(3, 8), 4, None).map[0, 0]
    middle, edge = (1 - math.sqrt(math.sqrt(d) / 2) for d in (0.5, 2.5))
    rows = [[0.0, edge, edge, 0.0], [edge, middle, middle, edge]]  # the corners lie beyond the radius
    torch.testing.assert_close(found, torch.tensor([*rows, rows[1], rows[0]]))
