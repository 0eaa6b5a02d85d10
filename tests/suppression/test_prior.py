"""A learned radius under a prior: its divergence by hand, and how far it lets the radius move."""

import math

import pytest
import torch

from cellbench.suppression import build_suppression
from cellbench.suppression.prior import gaussian_kl


def build(native=256, network=32, prior=60.0, prior_std=10.0, **params):
    return build_suppression("mask_prior", {"prior": prior, "prior_std": prior_std, **params}, native, network, 8)


def test_the_divergence_by_hand_and_beside_torch():
    mean, std = torch.tensor([60.0, 50.0]), torch.tensor([5.0, 10.0])
    found = gaussian_kl(mean, std, 50.0, 10.0)
    torch.testing.assert_close(found, torch.tensor([(0.25 + 1 - 1) / 2 + math.log(2), 0.0]))
    normal = torch.distributions.Normal
    torch.testing.assert_close(found, torch.distributions.kl_divergence(normal(mean, std), normal(50.0, 10.0)))


def test_a_4_by_4_map_starts_at_the_prior_and_pays_for_its_narrow_start():
    mask = build(native=4, network=4, prior=2.0, prior_std=0.4, normalize=False)
    mask.head[-1].weight.data.zero_()
    found = mask.weights(torch.zeros(3, 8), 4, None)
    middle, edge = (1 - math.sqrt(math.sqrt(square) / 2) for square in (0.5, 2.5))
    torch.testing.assert_close(found.map[2, 0, 1], torch.tensor([edge, middle, middle, edge]))
    assert found.r_max.tolist() == [2, 2, 2]
    # σ = 0.2 beside a prior of 0.4, over the 3 · 4 · 4 values of a patch
    assert found.penalty.item() == pytest.approx(((1 / 4 - 1) / 2 + math.log(2)) / 48, rel=1e-4)


def test_a_pull_of_the_loss_moves_the_radius_less_the_narrower_the_prior():
    def moved(prior_std):
        mask = build(prior_std=prior_std)
        optimizer = torch.optim.Adam(mask.parameters(), lr=0.01)
        for _ in range(300):
            found = mask.weights(torch.zeros(1, 8), 32, None)
            optimizer.zero_grad()
            (found.penalty - 1e-3 * found.r_max.mean() / 60).backward()
            optimizer.step()
        return mask.weights(torch.zeros(1, 8), 32, None).r_max.item()

    # The pull is 1e-3 / 60 a px; the prior answers with (r - 60) / s² / 3072.
    for prior_std in (10.0, 20.0):
        assert moved(prior_std) == pytest.approx(60 + 3072 * prior_std**2 * 1e-3 / 60, abs=0.5)
