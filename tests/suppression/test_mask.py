"""Masks: hand-computed 4 × 4 examples and invariances."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cellbench.errors import SettingError
from cellbench.suppression import build_suppression
from cellbench.suppression.mask import SHAPES, normalised, radial_weights

# Distances of a 4 × 4 patch from its centre (1.5, 1.5): √0.5 in the middle, √2.5 at the edges, √4.5 in the corners.
MIDDLE, EDGE, CORNER = math.sqrt(0.5), math.sqrt(2.5), math.sqrt(4.5)


def by_distance(middle: float, edge: float, corner: float) -> torch.Tensor:
    rows = [[corner, edge, edge, corner], [edge, middle, middle, edge]]
    return torch.tensor([*rows, rows[1], rows[0]])


def build(method: str, native: int = 4, network: int = 4, latent_dim: int = 8, **params: object):
    return build_suppression(method, params, native, network, latent_dim)


def test_fixed_mask_is_equation_3():
    mask = build("mask_fixed", r_max=2.0, normalize=False)
    expected = by_distance(1 - math.sqrt(MIDDLE / 2), 1 - math.sqrt(EDGE / 2), 0)  # a corner lies beyond the radius
    found = mask.weights(torch.zeros(3, 8), 4, None)
    torch.testing.assert_close(found.map[0, 0], expected)
    assert found.map.shape == (1, 1, 4, 4)
    assert found.r_max.tolist() == [2.0]
    assert found.penalty == 0


def test_sampled_mask_is_equation_3_with_the_drawn_radius():
    mask = build("mask_sampled", native=256, network=4, r_mean=150.0, r_std=20.0, normalize=False)
    draw = torch.randn(1, generator=torch.Generator().manual_seed(5)).item()
    found = mask.weights(torch.zeros(3, 8), 4, torch.Generator().manual_seed(5))
    r = 150 + 20 * draw
    distances = (64 * d for d in (MIDDLE, EDGE, CORNER))
    torch.testing.assert_close(found.map[0, 0], by_distance(*(max(0, 1 - math.sqrt(d / r)) for d in distances)))


@pytest.mark.parametrize("method", ["mask_fixed", "mask_sampled"])
def test_a_wider_mask_gives_the_border_more_weight(method):
    name = {"mask_fixed": "r_max", "mask_sampled": "r_mean"}[method]
    spread = {"mask_sampled": {"r_std": 0.0}}.get(method, {})
    narrow, wide = (
        build(method, 64, 32, normalize=True, **{name: radius}, **spread).weights(torch.zeros(1, 8), 32, None).map
        for radius in (16.0, 60.0)
    )
    assert narrow[0, 0, 0, 0] == 0
    assert wide[0, 0, 0, 0] >= 0
    assert wide[0, 0, 4, 16] > narrow[0, 0, 4, 16]


def test_sampled_radius_follows_its_normal_distribution_and_is_drawn_once_a_batch():
    mask = build("mask_sampled", native=256, network=64, r_mean=90.0, r_std=20.0)
    generator = torch.Generator().manual_seed(1)
    draws = torch.stack([mask.weights(torch.zeros(7, 8), 64, generator).r_max for _ in range(800)])
    assert draws.shape == (800, 1)
    assert draws.mean().item() == pytest.approx(90, abs=3)
    assert draws.std().item() == pytest.approx(20, abs=2)
    assert mask.weights(torch.zeros(7, 8), 64, None).r_max.item() == 90


@pytest.mark.parametrize(
    ("requested", "used"), [(1.0, 16.0), (16.0, 16.0), (120.0, 120.0), (1000.0, 127.5 * math.sqrt(2))]
)
def test_radii_are_clamped_to_two_network_px_and_the_corner(requested, used):
    mask = build("mask_fixed", native=256, network=32, r_max=requested)
    assert mask.weights(torch.zeros(1, 8), 32, None).r_max.item() == pytest.approx(used)


@given(
    shape=st.sampled_from(sorted(SHAPES)),
    radius=st.floats(2, 300),
    size=st.integers(8, 40),
    native=st.integers(40, 400),
)
def test_weights_lie_in_0_to_1_never_rise_outwards_and_have_the_patch_symmetry(shape, radius, size, native):
    weights = radial_weights(torch.tensor([radius]), size, native, shape, normalize=False)[0, 0]
    assert ((weights >= 0) & (weights <= 1)).all()
    ray = weights[size // 2, size // 2 :]
    assert (ray.diff() <= 1e-6).all()
    for same in (weights.flip(0), weights.flip(1), weights.T):
        torch.testing.assert_close(weights, same)


@given(shape=st.sampled_from(sorted(SHAPES)), radius=st.floats(30, 300), size=st.integers(16, 40))
def test_normalised_maps_have_mean_one(shape, radius, size):
    weights = radial_weights(torch.tensor([radius, 2 * radius]), size, 128, shape, normalize=True)
    torch.testing.assert_close(weights.mean(dim=(1, 2, 3)), torch.ones(2))


def test_normalising_an_empty_map_stays_finite():
    assert radial_weights(torch.tensor([1.0]), 8, 256, "sqrt", normalize=True).isfinite().all()


def test_the_same_radius_covers_the_same_share_of_a_patch_at_every_size():
    coarse = radial_weights(torch.tensor([90.0]), 32, 256, "linear", normalize=True)
    fine = radial_weights(torch.tensor([90.0]), 128, 256, "linear", normalize=True)
    pooled = torch.nn.functional.avg_pool2d(fine, 4)
    torch.testing.assert_close(coarse, pooled, atol=0.06, rtol=0)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"r_max": 0}, "mask_fixed: r_max must be greater than 0; got 0"),
        ({}, "r_max is missing"),
        ({"radius": 3, "r_max": 9}, "mask_fixed: radius is unknown; .*[Kk]nown: normalize, shape, r_max"),
        ({"r_max": 9, "shape": "round"}, "shape must be"),
    ],
)
def test_bad_parameters_are_named(params, match):
    with pytest.raises(SettingError, match=match):
        build("mask_fixed", **params)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("sqrt", (1, 0.5, 0.2, 0, 0)),
        ("linear", (1, 0.75, 0.36, 0, 0)),
        ("quadratic", (1, 0.9375, 0.5904, 0, 0)),
        ("cosine", (1, (1 + math.sqrt(0.5)) / 2, (1 + math.cos(0.64 * math.pi)) / 2, 0, 0)),
        ("gaussian", (1, math.exp(-0.125), math.exp(-0.8192), math.exp(-2), math.exp(-4.5))),
        ("hard", (1, 1, 1, 1, 0)),
    ],
)
def test_the_weights_of_each_shape_by_hand(shape, expected):
    found = SHAPES[shape](torch.tensor([0.0, 0.25, 0.64, 1.0, 1.5]))
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32), atol=1e-6, rtol=1e-5)


def test_maps_are_divided_by_their_mean_but_by_no_less_than_a_thousandth():
    maps = torch.zeros(2, 1, 40, 50)
    maps[0, 0, 0, 0] = 1  # mean 0.0005
    maps[1, 0, 0, :4] = 1  # mean 0.002
    assert normalised(maps).amax(dim=(1, 2, 3)).tolist() == pytest.approx([1000, 500])
