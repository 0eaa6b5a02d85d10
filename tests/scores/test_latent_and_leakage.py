"""Latent statistics and leakage against cases whose answer is known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from cellbench.models import Posterior
from cellbench.scores.base import EncodedCells
from cellbench.scores.cell_content import cell_content
from cellbench.scores.latent import active_units, effective_rank
from cellbench.scores.leakage import exchange, leakage, partners, transplanted
from cellbench.suppression import build_suppression

CPU = torch.device("cpu")


def test_effective_rank_counts_equal_directions():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(400, 8)) - 0)[0]
    basis -= basis.mean(axis=0)
    embedding = np.linalg.qr(basis)[0][:, :5]
    assert effective_rank(embedding) == pytest.approx(5, rel=1e-3)
    assert effective_rank(embedding[:, :1] * np.ones(4)) == pytest.approx(1)
    assert effective_rank(np.ones((10, 3))) == 0


def test_active_units_have_variance():
    embedding = np.random.default_rng(0).normal(size=(500, 4)) * [1, 0.2, 0.12, 0.05]
    assert active_units(embedding) == 3, "the variance 0.0144 exceeds 0.01"


def test_partners_share_the_group_and_the_colour():
    groups = np.array([0, 0, 0, 1, 1, 2])
    colour = np.array([[0.0], [5], [1], [0], [9], [1]]) * np.ones(3)
    assert partners(groups, colour).tolist() == [2, 2, 0, 4, 3, 2]  # the last is alone in its group


def test_exchange_keeps_the_inside():
    ours, theirs = torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
    mixed = exchange(ours, theirs, torch.tensor([8.0]), feather=3.0)
    assert mixed[0, 0, 15, 15] == 0
    assert mixed[0, 0, 0, 0] == 1
    assert 0 < mixed[0, 0, 15, 23] < 1


class Averages(nn.Module):
    """An encoder that sees exactly one region: its latent is the mean colour of that region."""

    variational, latent_dim = True, 3

    def __init__(self, region: np.ndarray) -> None:
        super().__init__()
        self.region = torch.from_numpy(region)

    def encode(self, patches: torch.Tensor) -> Posterior:
        means = (patches * self.region).sum(dim=(2, 3)) / self.region.sum().clamp_min(1)
        return Posterior(means, torch.zeros_like(means))


def score(region: np.ndarray) -> float:
    patches = np.random.default_rng(0).integers(0, 255, (12, 1, 1, 3)) + np.zeros((12, 32, 32, 3))
    axis = np.arange(32) - 15.5
    inside = np.hypot(axis[:, None], axis[None]) < 8
    centre = np.random.default_rng(1).integers(0, 255, (12, 1, 1, 3))
    patches = np.where(inside[None, ..., None], centre, patches).astype(np.uint8)
    none = build_suppression("vae", {}, 32, 32, 3)
    groups, radius = np.zeros(12, int), np.full(12, 9.0)
    return leakage(EncodedCells(Averages(region), none, patches, np.arange(12), groups, radius, 32, CPU))


def test_leakage_is_0_for_the_cell_1_for_the_surroundings_and_undefined_for_a_collapsed_latent():
    axis = np.arange(32, dtype=np.float32) - 15.5
    distance = np.hypot(axis[:, None], axis[None])
    assert score((distance < 6).astype(np.float32)) == pytest.approx(0, abs=1e-6)
    assert score((distance > 13).astype(np.float32)) == pytest.approx(1, abs=1e-6)
    assert 0.05 < score(np.ones((32, 32), np.float32)) < 0.999
    assert math.isnan(score(np.zeros((32, 32), np.float32)))


class CellAndSurroundings(Averages):
    """An encoder whose latent is the mean colour of the cell, and of the surroundings."""

    latent_dim = 6

    def encode(self, patches: torch.Tensor) -> Posterior:
        means = [(patches * part).sum(dim=(2, 3)) / part.sum() for part in self.region]
        return Posterior(torch.cat(means, dim=1), torch.zeros(len(patches), 6))


def test_leakage_is_the_share_of_the_squared_movement():
    """Surroundings move the latent by 160 / 255 in each channel, the cell by 80 / 255: 160² / (160² + 80²) = 0.8."""
    axis = np.arange(32, dtype=np.float32) - 15.5
    distance = np.hypot(axis[:, None], axis[None])
    patches = np.where((distance < 11)[..., None], np.uint8(100), np.uint8(40))[None].repeat(2, axis=0)
    patches[1] = np.where((distance < 11)[..., None], 180, 200)
    patches = patches.repeat(3, axis=-1)
    model = CellAndSurroundings(np.stack([distance < 6, distance > 14]).astype(np.float32))
    none = build_suppression("vae", {}, 32, 32, 6)
    cells = EncodedCells(model, none, patches, np.arange(2), np.zeros(2, int), np.full(2, 10.0), 32, CPU)
    assert leakage(cells) == pytest.approx(0.8, abs=1e-3)


def content(region: np.ndarray, n: int = 200) -> float:
    rng = np.random.default_rng(0)
    axis = np.arange(32) - 15.5
    inside = np.hypot(axis[:, None], axis[None]) < 8
    centre, around = (rng.integers(0, 255, (n, 1, 1, 3)) + np.zeros((n, 32, 32, 3)) for _ in range(2))
    patches = np.where(inside[None, ..., None], centre, around).astype(np.uint8)
    none, groups = build_suppression("vae", {}, 32, 32, 3), np.arange(n) % 10
    cells = EncodedCells(Averages(region), none, patches, np.arange(n), groups, np.full(n, 8.0), 32, CPU)
    return cell_content(cells, views=2)


def test_cell_content_is_1_for_the_cell_0_for_the_surroundings_and_undefined_for_a_collapsed_latent():
    axis = np.arange(32, dtype=np.float32) - 15.5
    distance = np.hypot(axis[:, None], axis[None])
    cell, surroundings = content((distance < 6).astype(np.float32)), content((distance > 13).astype(np.float32))
    half = content(np.where(distance < 8, 1.0, 0.25).astype(np.float32))
    assert cell > 0.95
    assert surroundings < 0.05
    assert surroundings < half < cell, "exchanged surroundings mislead an encoder that sees them"
    assert math.isnan(content(np.zeros((32, 32), np.float32)))
    assert math.isnan(content(np.ones((32, 32), np.float32), n=30)), "fewer than 40 cells"


def test_surroundings_begin_outside_the_larger_of_two_cells():
    patches = np.stack([np.full((40, 40, 3), value, np.uint8) for value in (0, 200)])
    here, there = transplanted(patches, np.zeros(2, int), np.array([5.0, 12.0]), 40)
    row = here[:, 20, :, 0]  # distance |x − 19.5| from the centre, but for half a px
    assert (row[0, 12], row[0, 28], row[0, 3], row[0, 36]) == (0, 0, 200, 200), "the small cell takes 8 px with it"
    assert (row[1, 12], row[1, 3]) == (200, 0)
    assert (there[0, 20, 12, 0], there[0, 20, 3, 0]) == (200, 0), "the partner's cell in the patch's surroundings"
