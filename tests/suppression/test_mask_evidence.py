"""The mask whose radius covers the rings that the core of a patch predicts."""

import math

import numpy as np
import pytest
import torch

from cellbench.suppression import build_suppression
from cellbench.suppression.mask_evidence import RingPredictor, log_ratio


def build(native=64, network=32, latent_dim=8, **params):
    return build_suppression("mask_evidence", params, native, network, latent_dim)


def discs(n: int, radius: float, seed: int = 0, size: int = 32) -> torch.Tensor:
    """Return discs of random colours on noise that is independent of the disc."""
    rng = np.random.default_rng(seed)
    axis = np.arange(size) - (size - 1) / 2
    inside = np.hypot(axis[:, None], axis[None]) <= radius
    ground = rng.uniform(0, 1, (n, 3, 8, 8)).repeat(4, axis=2).repeat(4, axis=3)
    return torch.tensor(np.where(inside, rng.uniform(0, 1, (n, 3, 1, 1)), ground), dtype=torch.float32)


def test_rings_of_a_4_by_4_patch_by_hand():
    rings = RingPredictor(4)
    assert rings.radii.tolist() == pytest.approx((math.sqrt(0.5), math.sqrt(2.5)))
    assert rings.area.tolist() == [4, 8]


def test_the_loss_of_a_4_by_4_patch_by_hand():
    mask = build(native=4, network=4, threshold=0.25)
    mask.rings.without_core.data[:, 0] = -0.2
    mask.rings.network[-1].bias.data[0::2] = 0.2  # the first of two rings, in each channel
    patch = torch.full((1, 3, 4, 4), 0.4)
    patch[:, :, 1:3, 1:3] = 0.6
    # Relative to the outer ring, the middle is 0.2: an error of 0.2 with the core, of 0.4 without; the edge has none.
    latent = torch.zeros(1, 8)
    radius = mask.learned_radius(latent).item()
    weights = [1 - math.sqrt(math.sqrt(square) / radius) for square in (0.5, 2.5)]
    kept = weights[0] / 3 * (math.log(2) - 0.25) + weights[1] * 2 / 3 * (0 - 0.25)
    assert mask.evidence(patch, latent).item() == pytest.approx(0.2 / 2 + 0.4 / 2 - kept, rel=1e-4)


def test_the_log_ratio_is_that_of_laplace_models():
    with_core, without = torch.rand(50, 3, 2), 2 * torch.rand(50, 3, 2)
    found = log_ratio(with_core, without)
    laplace = torch.distributions.Laplace
    b, s = with_core.mean(dim=0), without.mean(dim=0)
    peer = laplace(0.0, b).log_prob(with_core) - laplace(0.0, s).log_prob(without)
    torch.testing.assert_close(found, peer.mean(dim=1))
    torch.testing.assert_close(found.mean(dim=0), (s / b).log().mean(dim=0))


def test_the_reconstruction_and_the_evidence_train_separate_weights():
    mask = build()
    latent = torch.randn(4, 8, requires_grad=True)
    mask.weights(latent, 32, None).map.square().mean().requires_grad_().backward()
    assert latent.grad is None
    mask.evidence(discs(4, 6), latent).backward()
    assert latent.grad is None
    assert all(p.grad is not None and p.grad.isfinite().all() for p in mask.parameters())


def test_the_radius_grows_with_the_discs_and_a_higher_threshold_reduces_it():
    def learned(radius, threshold=0.5):
        torch.manual_seed(0)
        mask = build(threshold=threshold)
        optimizer = torch.optim.Adam(mask.parameters(), lr=0.01)
        generator = torch.Generator().manual_seed(0)
        patches = discs(400, radius)
        for _ in range(150):
            rows = torch.randint(400, (64,), generator=generator)
            optimizer.zero_grad()
            mask.evidence(patches[rows], torch.zeros(64, 8)).backward()
            optimizer.step()
        return mask.learned_radius(torch.zeros(1, 8)).item() / 2  # network px

    small, large = learned(4), learned(7)
    assert 4 < small < large - 1
    assert large < 0.95 * 15.5 * 2**0.5  # it did not grow to the corner
    assert learned(4, threshold=1.0) < small - 0.5


def test_core_and_outer_rings_are_counted_by_their_radii():
    rings = RingPredictor(32)
    assert rings.radii[rings.n_core - 1] <= 0.1 * 32 < rings.radii[rings.n_core]
    assert rings.radii[-rings.n_outer - 1] <= 0.85 * 16 < rings.radii[-rings.n_outer]


def test_the_scale_of_a_laplace_model_is_at_least_a_thousandth():
    exact, off = torch.zeros(4, 3, 1), torch.full((4, 3, 1), 0.5)
    # log 0.5 + 0.5/0.5 − log 0.001 − 0/0.001
    assert log_ratio(exact, off)[0, 0].item() == pytest.approx(math.log(500) + 1, rel=1e-4)


def test_the_core_is_seen_relative_to_the_outer_ring_in_quarters():
    rings = RingPredictor(32)
    seen = []
    rings.network.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    patch = torch.full((1, 3, 32, 32), 0.4)
    patch[:, :, 13:19, 13:19] = 0.65  # the core
    rings(patch)
    assert seen[0].unique().tolist() == pytest.approx([1.0])


def test_the_reconstruction_gives_the_radius_no_gradient():
    mask = build()
    found = mask.weights(torch.randn(4, 8), 32, None)
    assert not found.map.requires_grad
    assert not found.r_max.requires_grad
