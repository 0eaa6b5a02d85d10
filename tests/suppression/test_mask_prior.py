"""The mask whose learned radius has a prior."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from cellbench.suppression import build_suppression
from cellbench.suppression.mask_prior import normal_divergence


def build(**params: object):
    return build_suppression("mask_prior", {"r_prior": 50.0, **params}, 256, 32, 8)


def penalty(unit: float, **params: object) -> float:
    """Return the penalty where μ is `unit` × 50 px and σ is 5 px for every patch."""
    mask = build(**params)
    mask.head[-1].weight.data.zero_()
    mask.head[-1].bias.data[0] = unit
    return mask.weights(torch.zeros(2, 8), 32, None).penalty.item()


def test_it_starts_at_the_prior_and_learns_a_radius_for_each_patch():
    torch.manual_seed(0)
    mask = build()
    assert mask.weights(torch.zeros(2, 8), 32, None).r_max.tolist() == pytest.approx([50, 50], rel=1e-2)
    mask.head[-1].weight.data.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    apart = mask.weights(torch.randn(2, 8, generator=torch.Generator().manual_seed(1)), 32, None).r_max
    assert apart[0] != apart[1]


def test_the_penalty_is_the_divergence_from_the_prior_by_hand():
    # σ = 5 px, prior 10 px wide: log(10 / 5) + (25 + shift²) / 200 − 1/2
    assert penalty(1.0, prior_beta=2.0) == pytest.approx(2 * (math.log(2) + 25 / 200 - 0.5), rel=1e-4)
    assert penalty(1.4, prior_beta=2.0) == pytest.approx(2 * (math.log(2) + (25 + 400) / 200 - 0.5), rel=1e-4)
    assert penalty(0.6, prior_beta=2.0) == pytest.approx(penalty(1.4, prior_beta=2.0), rel=1e-4)
    assert penalty(1.4, prior_beta=2.0, spread=0.4) < penalty(1.4, prior_beta=2.0)
    assert penalty(1.4, prior_beta=0.0) == 0


def test_the_divergence_is_that_of_torch():
    mean, std = torch.tensor([10.0, 60.0, 41.0]), torch.tensor([0.5, 20.0, 8.0])
    expected = kl_divergence(Normal(mean, std), Normal(40.0, 8.0))
    torch.testing.assert_close(normal_divergence(mean, std, 40.0, 8.0), expected)
    assert normal_divergence(torch.tensor(40.0), torch.tensor(8.0), 40.0, 8.0) == pytest.approx(0, abs=1e-6)


def fitted(prior_beta: float) -> float:
    """Return the radius in px after a training with a loss that is smaller for a smaller radius."""
    mask = build(prior_beta=prior_beta, normalize=False)
    optimiser = torch.optim.Adam(mask.parameters(), lr=1e-2)
    for _ in range(200):
        found = mask.weights(torch.ones(1, 8), 32, None)
        optimiser.zero_grad()
        (found.map.mean() + found.penalty).backward()
        optimiser.step()
    return mask.weights(torch.ones(1, 8), 32, None).r_max.item()


def test_without_its_prior_the_radius_collapses():
    assert fitted(0.0) < 25
    assert fitted(0.1) == pytest.approx(50, rel=0.1)
