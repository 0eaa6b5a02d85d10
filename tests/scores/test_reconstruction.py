"""Reconstruction scores against hand-made pictures."""

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.functional.image import structural_similarity_index_measure

from cellbench.geometry import disc
from cellbench.models import Posterior
from cellbench.scores.reconstruction import areas, pixel_scores, reconstruct, reconstruction_scores
from cellbench.suppression import build_suppression

CPU = torch.device("cpu")


class Grey(nn.Module):
    """Draws a grey patch, whatever it is shown."""

    variational, latent_dim = True, 2

    def __init__(self, size: int, value: float = 0.5) -> None:
        super().__init__()
        self.size, self.value = size, value

    def encode(self, patches):
        return Posterior(torch.zeros(len(patches), 2), torch.zeros(len(patches), 2))

    def decode(self, latent):
        return torch.full((len(latent), 3, self.size, self.size), self.value)


def scores(discs, method="vae", size=20, value=0.5, **params):
    suppression = build_suppression(method, params, 40, size, 2)
    source = discs.resized(suppression.source_size, discs.path / "cache")
    rows = discs.rows("labelled")[:12]
    return rows, reconstruction_scores(Grey(size, value), suppression, discs, source, rows, CPU)


def test_l1_is_the_mean_distance_in_each_area(discs):
    rows, found = scores(discs)
    native = np.asarray(discs.patches[rows]) / 255
    distance = np.abs(native - 0.5).mean(axis=3)
    assert found["val/l1"] == pytest.approx(distance.mean(), rel=1e-4)
    inside = np.asarray(discs.masks[rows]) > 0
    assert found["val/l1_cell"] == pytest.approx(
        np.mean([d[mask].mean() for d, mask in zip(distance, inside, strict=True)]), rel=1e-4
    )
    core = disc(40, 40 * 44 / 256) > 0
    assert found["val/l1_core"] == pytest.approx(distance[:, core].mean(), rel=1e-4)


def test_the_core_is_the_same_for_all_methods_and_fits_the_smallest_crop(discs):
    for method, params in (("vae", {}), ("crop_small", {"offset_sigma": 0.0}), ("crop_medium", {"offset_sigma": 0.0})):
        _, found = scores(discs, method, **params)
        _, reference = scores(discs)
        assert found["val/l1_core"] == pytest.approx(reference["val/l1_core"], rel=1e-4), method


def test_ssim_is_that_of_torchmetrics(discs):
    native = torch.from_numpy(np.array(discs.patches[:3])).permute(0, 3, 1, 2) / 255
    drawn = (native + 0.1 * torch.rand(native.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    _, image = pixel_scores(native, drawn)
    expected = structural_similarity_index_measure(drawn, native, data_range=1.0)
    assert image.mean().item() == pytest.approx(expected.item(), abs=1e-4)


def test_a_perfect_drawing_scores_perfectly(discs):
    native = torch.from_numpy(np.array(discs.patches[:3])).permute(0, 3, 1, 2) / 255
    l1, ssim = pixel_scores(native, native)
    assert l1.max() == 0
    assert ssim.min().item() == pytest.approx(1, abs=1e-3)


def test_a_crop_is_placed_in_its_patch(discs):
    suppression = build_suppression("crop_small", {"offset_sigma": 0.0}, 40, 16, 2)
    native = torch.rand(2, 3, 40, 40)
    placed = reconstruct(Grey(16, 0.0), suppression, torch.rand(2, 3, 40, 40), native)
    changed = (placed != native).any(dim=1)[0]
    window = suppression.window
    assert changed.sum() == window**2
    start = (40 - window) // 2
    assert changed[start : start + window, start : start + window].all()


def test_padding_counts_in_no_area(discs, monkeypatch):
    boxes = np.tile([0, 0, 40, 40], (3, 1))
    boxes[0] = [10, 0, 40, 30]
    monkeypatch.setattr(type(discs), "valid_box", lambda self, rows: boxes)
    for name, area in areas(discs, np.arange(3), 40).items():
        assert area[0, :10].sum() == 0, name
        assert area[0, :, 30:].sum() == 0, name
        assert area[1].sum() > 0
