"""Noise: a hand-computed 4 × 4 example."""

import math

import pytest
import torch

from cellbench.suppression import build_suppression


def test_noise_is_equations_1_and_2():
    noise = build_suppression("noise", {"sigma": 100.0}, 256, 4, 8)
    patches = torch.full((2, 3, 4, 4), 0.5)
    draw = torch.randn(patches.shape, generator=torch.Generator().manual_seed(3))
    # half = 2: the middle is at √0.5 / 2, the edges at √2.5 / 2; the corners, at √4.5 / 2, are capped at 1.
    middle, edge = math.sqrt(0.5) / 2, math.sqrt(2.5) / 2
    outer, inner = [1, edge, edge, 1], [edge, middle, middle, edge]
    share = torch.tensor([outer, inner, inner, outer])
    inputs, targets = noise.view(patches, torch.Generator().manual_seed(3), training=True)
    torch.testing.assert_close(inputs, 0.5 + draw * share * 100 / 255)
    torch.testing.assert_close(targets, inputs)


def test_only_the_input_is_noisy_when_the_target_is_clean():
    noise = build_suppression("noise", {"sigma": 50.0, "target": "clean"}, 256, 8, 8)
    patches = torch.rand(2, 3, 8, 8)
    inputs, targets = noise.view(patches, torch.Generator().manual_seed(0), training=True)
    assert not torch.equal(inputs, patches)
    assert torch.equal(targets, patches)


def test_noise_grows_towards_the_border_and_is_not_clipped():
    noise = build_suppression("noise", {"sigma": 200.0}, 256, 32, 8)
    inputs, _ = noise.view(torch.full((64, 3, 32, 32), 0.5), torch.Generator().manual_seed(0), training=True)
    spread = inputs.std(dim=(0, 1))
    assert spread[0, 0].item() == pytest.approx(200 / 255, rel=0.15)
    assert spread[16, 16] < 0.1 * spread[0, 0]
    assert inputs.max() > 1
    assert inputs.min() < 0
