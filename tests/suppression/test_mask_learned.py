"""The learned mask of the paper: its start, its gradient and its penalty."""

import math

import pytest
import torch

from cellbench.suppression import build_suppression

# Distances of a 4 × 4 patch from its centre (1.5, 1.5).
MIDDLE, EDGE, CORNER = math.sqrt(0.5), math.sqrt(2.5), math.sqrt(4.5)
OUTER, INNER = [CORNER, EDGE, EDGE, CORNER], [EDGE, MIDDLE, MIDDLE, EDGE]
DISTANCES = [OUTER, INNER, INNER, OUTER]


def build(native: int = 256, network: int = 32, **params: object):
    return build_suppression("mask_learned", params, native, network, 8)


def test_learned_mask_starts_at_half_the_patch_and_learns_a_radius_for_each_patch():
    mask = build(native=256, network=4, normalize=False)
    for parameter in mask.head[-1].parameters():
        parameter.data.mul_(1)
    mask.head[-1].weight.data.zero_()
    found = mask.weights(torch.randn(2, 8), 4, None)
    assert found.map.shape == (2, 1, 4, 4)
    torch.testing.assert_close(found.r_max, torch.tensor([128.0, 128.0]))
    expected = torch.tensor([[max(0, 1 - math.sqrt(64 * d / 128)) for d in row] for row in DISTANCES])
    torch.testing.assert_close(found.map[0, 0], expected)


def test_learned_mask_has_a_gradient_through_its_draw():
    mask = build()
    latent = torch.randn(4, 8, requires_grad=True)
    found = mask.weights(latent, 32, torch.Generator().manual_seed(0))
    (found.map**2).mean().backward()
    assert latent.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in mask.head[-1].parameters())


def test_penalty_falls_as_the_radius_grows():
    mask = build(penalty=2.0)
    mask.head[-1].weight.data.zero_()
    mask.head[-1].bias.data[0] = 0.5  # r_max = 64
    assert mask.weights(torch.zeros(1, 8), 32, None).penalty.item() == pytest.approx(2 * (1 - 64 / (127.5 * 2**0.5)))
