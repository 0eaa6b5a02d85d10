"""The learned mask of the paper: its start, its gradient and its penalty."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cellbench.geometry import centre_distance
from cellbench.suppression import build_suppression
from cellbench.suppression.mask import bounded

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


LOW, HIGH = 16.0, 127.5 * 2**0.5
BEYOND = st.one_of(
    st.just(LOW), st.just(HIGH), st.floats(-1e4, LOW, allow_nan=False), st.floats(HIGH, 1e4, allow_nan=False)
)


@given(raw=BEYOND, normalize=st.booleans(), penalty=st.sampled_from([0.0, 0.1, 2.0]))
@settings(deadline=None)
def test_loss_and_penalty_have_a_gradient_at_and_beyond_both_limits(raw, normalize, penalty):
    mask = build(penalty=penalty, normalize=normalize)
    mask.head[-1].weight.data.zero_()
    mask.head[-1].bias.data[0] = raw / 128
    # Normalised weights have a constant mean; a smaller radius puts more of it on the centre.
    error = 1 + centre_distance(32) if normalize else torch.ones(32, 32)
    found = mask.weights(torch.zeros(1, 8), 32, None)
    assert LOW - 1e-3 <= found.r_max.item() <= HIGH + 1e-3
    bias = mask.head[-1].bias
    (by_loss,) = torch.autograd.grad((found.map * error).mean(), bias, retain_graph=True)
    assert by_loss[0] > 0, "a smaller radius lowers this loss"
    if penalty:
        (by_penalty,) = torch.autograd.grad(found.penalty, bias)
        assert by_penalty[0] < 0, "a larger radius lowers the penalty"


@given(value=st.floats(-1e6, 1e6), gradient=st.sampled_from([-3.0, 3.0]))
@settings(deadline=None)
def test_the_gradient_that_leads_back_to_the_limits_is_whole(value, gradient):
    raw = torch.tensor([value], requires_grad=True)
    held = bounded(raw, 10.0, 50.0, 2.0)
    held.backward(torch.tensor([gradient]))
    assert held.item() == pytest.approx(min(max(value, 10.0), 50.0))
    excess = abs(value - held.item())
    leads_back = excess == 0 or (value < 10) == (gradient < 0)
    expected = gradient if leads_back else gradient / (1 + excess / 2) ** 4
    assert raw.grad.item() == pytest.approx(expected, rel=1e-3)
    assert raw.grad.item() != 0


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("pressed", [300, 900])
def test_a_radius_returns_from_its_limit_within_a_few_steps(way, pressed):
    torch.manual_seed(0)
    mask = build()
    optimiser = torch.optim.Adam(mask.parameters(), lr=1e-3)
    radii = []
    for step in range(pressed + 30):
        r_max = mask.weights(torch.ones(1, 8), 32, None).r_max
        radii.append(r_max.item())
        optimiser.zero_grad()
        ((way if step < pressed else -way) * r_max / HIGH).sum().backward()
        optimiser.step()
    assert radii[pressed] == pytest.approx(LOW if way == 1 else HIGH)
    assert abs(radii[-1] - radii[pressed]) > 0.5


def test_the_penalty_turns_a_collapsed_radius_round():
    mask = build(penalty=10.0)
    mask.head[-1].weight.data.zero_()
    mask.head[-1].bias.data[0] = 0.0  # below the smallest radius
    optimiser = torch.optim.Adam(mask.parameters(), lr=1e-2)
    for _ in range(100):
        found = mask.weights(torch.ones(1, 8), 32, torch.Generator().manual_seed(0))
        optimiser.zero_grad()
        (found.map.mean() + found.penalty).backward()
        optimiser.step()
    assert found.r_max.item() > 2 * LOW


def test_at_the_start_the_radius_has_a_spread_of_a_tenth_and_hardly_depends_on_the_latent():
    torch.manual_seed(0)
    mask = build()
    latent = torch.randn(4000, 8, generator=torch.Generator().manual_seed(1))
    expected = mask.weights(latent, 32, None).r_max
    assert expected.mean().item() == pytest.approx(128, rel=1e-2)
    assert expected.std() < 2
    drawn = mask.weights(latent, 32, torch.Generator().manual_seed(2)).r_max - expected
    assert drawn.mean().item() == pytest.approx(0, abs=1)
    assert drawn.std().item() == pytest.approx(12.8, rel=0.1)


def test_the_outward_gradient_falls_within_network_px():
    mask = build()  # one network px is 8 native px
    for raw, excess in ((0.0, 16.0), (HIGH + 8, 8.0)):
        r_max = torch.tensor([raw], requires_grad=True)
        (mask.limited(r_max) * (1 if raw < LOW else -1)).sum().backward()
        assert r_max.grad.abs().item() == pytest.approx((1 + excess / 8) ** -4, rel=1e-4)


def test_loss_and_penalty_together_decide_on_which_side_of_a_limit_the_radius_ends():
    mask = build(penalty=1.0)
    mask.head[-1].weight.data.zero_()
    mask.head[-1].bias.data[0] = 0.0
    found = mask.weights(torch.zeros(1, 8), 32, None)
    # The loss pushes out with 0.9 of the force of the penalty. Bounded apart, it would count for almost nothing.
    total = found.penalty + 0.9 * found.r_max.mean() / HIGH
    (gradient,) = torch.autograd.grad(total, mask.head[-1].bias)
    assert gradient[0].item() == pytest.approx(-0.1 * 128 / HIGH, rel=1e-3)
