"""The mask of a profile: a hand-computed 4 × 4 example, and errors."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cellbench.errors import SettingError
from cellbench.suppression import build_suppression

# Distances of a 4 × 4 patch from its centre: √0.5 in the middle, √2.5 at the edges, √4.5 in the corners.
MIDDLE, EDGE, CORNER = math.sqrt(0.5), math.sqrt(2.5), math.sqrt(4.5)


def build(profile, native=4, network=4, **params):
    return build_suppression("mask_profile", {"profile": profile, **params}, native, network, 8)


def test_weights_interpolate_the_profile():
    found = build("0:1 1:0.8 2:0", normalize=False).weights(torch.zeros(3, 8), 4, None)
    middle, edge, corner = 1 - 0.2 * MIDDLE, 0.8 * (2 - EDGE), 0.0
    rows = [[corner, edge, edge, corner], [edge, middle, middle, edge]]
    torch.testing.assert_close(found.map[0, 0], torch.tensor([*rows, rows[1], rows[0]]))
    assert found.map.shape == (1, 1, 4, 4)
    assert found.r_max is None
    assert found.penalty == 0


def test_distances_are_native_px():
    coarse = build("0:1 64:0.5 128:0", native=256, network=4, normalize=False).weights(torch.zeros(1, 8), 4, None).map
    assert coarse[0, 0, 1, 1].item() == pytest.approx(1 - 64 * MIDDLE / 128)


def test_normalised_weights_have_mean_one():
    found = build("0:1 20:0.9 60:0.1", native=256, network=32).weights(torch.zeros(1, 8), 32, None).map
    assert found.mean().item() == pytest.approx(1)
    assert found[0, 0, 0, 0] > 0, "the profile is constant beyond its last point"


@given(
    steps=st.lists(st.floats(0.5, 40), min_size=1, max_size=6),
    weights=st.lists(st.floats(0, 3), min_size=6, max_size=6),
)
def test_weights_lie_between_those_of_the_profile(steps, weights):
    distances = [0.0]
    for step in steps:
        distances.append(distances[-1] + step)
    values = [1.0, *weights][: len(distances)]
    text = " ".join(f"{d}:{w}" for d, w in zip(distances, values, strict=True))
    found = build(text, native=96, network=24, normalize=False).weights(torch.zeros(1, 8), 24, None).map
    assert found.min() >= min(values) - 1e-3
    assert found.max() <= max(values) + 1e-3


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("auto", "refuses profile=auto: a profile is written distance:weight"),
        ("0:1", "at least two finite points"),
        ("0:1 nan:0", "at least two finite points"),
        ("1:1 2:0", "start at 0 and increase"),
        ("0:1 5:0.5 5:0", "start at 0 and increase"),
        ("0:0 5:1", "above 0 at the centre"),
        ("0:1 5:-1", "at least 0"),
    ],
)
def test_bad_profiles_are_named(text, match):
    with pytest.raises(SettingError, match=match):
        build(text)
