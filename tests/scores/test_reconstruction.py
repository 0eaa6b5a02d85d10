"""Reconstruction scores against hand-made pictures."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torchmetrics.functional.image import structural_similarity_index_measure

from cellbench.geometry import disc, square
from cellbench.models import Posterior
from cellbench.scores.reconstruction import (
    areas,
    common_l1,
    pixel_scores,
    placed,
    reconstruct,
    reconstruction_scores,
    resized,
)
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
    assert found["val/l1_core_native"] == pytest.approx(distance[:, core].mean(), rel=1e-4)


def test_l1_core_is_the_distance_in_the_core_of_the_patch_at_32_px(discs):
    rows, found = scores(discs, size=40)  # the network sees the native patch
    small = functional.interpolate(
        torch.from_numpy(np.array(discs.patches[rows])).permute(0, 3, 1, 2) / 255, size=32, mode="bilinear",
        antialias=True,
    )  # fmt: skip
    expected = (small - 0.5).abs().mean(dim=1)[:, torch.from_numpy(disc(32, 5.5)) > 0].mean()
    assert found["val/l1_core"] == pytest.approx(expected.item(), rel=1e-4)


def test_the_core_is_the_same_for_all_methods_and_fits_the_smallest_crop(discs):
    for method, params in (("vae", {}), ("crop_small", {"offset_sigma": 0.0}), ("crop_medium", {"offset_sigma": 0.0})):
        _, found = scores(discs, method, **params)
        _, reference = scores(discs)
        assert found["val/l1_core_native"] == pytest.approx(reference["val/l1_core_native"], rel=1e-4), method


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
    window = int(suppression.window)
    assert window == suppression.window == 14
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


@pytest.mark.parametrize(("n_in", "n_out"), [(32, 360), (96, 32), (48, 32), (7, 7)])
def test_resampling_of_the_whole_patch_is_that_of_torch(n_in, n_out):
    image = torch.rand(1, 3, n_in, n_in, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(image, size=n_out, mode="bilinear", antialias=True)
    torch.testing.assert_close(resized(image, n_out), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("native", [101, 360])
@pytest.mark.parametrize("side", [0.3404, 0.5])
@pytest.mark.parametrize("n", [32, 33, 96])
def test_a_drawing_is_placed_where_it_was_seen(native, side, n):
    # Linear filters reproduce a ramp, except at its ends.
    ramp = (torch.arange(native) - (native - 1) / 2) / native
    patch = (ramp[:, None] + 2 * ramp).expand(1, 3, native, native)
    seen = ((torch.arange(n) - (n - 1) / 2) / n) * side  # the same ramp at the pixels of the window
    drawing = (seen[:, None] + 2 * seen).expand(1, 3, n, n)
    inside = square(native, side * native - 4 * side * native / n - 4) > 0
    difference = (placed(drawing, patch, side * native) - patch)[0, 0]
    assert inside.sum() > 100
    assert difference[torch.from_numpy(inside)].abs().max() < 1e-3  # half a px of the drawing would be 0.004
    assert difference[torch.from_numpy(square(native, side * native) == 0)].abs().max() == 0


def test_padding_counts_in_no_score_at_the_common_size():
    view = torch.zeros(1, 3, 32, 32)
    drawn = view.clone()
    drawn[:, :, :, 15:] = 1  # wrong wherever there is padding, and right beside it
    valid = torch.ones(1, 100, 100)
    valid[:, :, 50:] = 0
    l1, weights = common_l1(view, drawn, valid, 1.0)
    assert weights.sum() > 0
    assert (l1 * weights).sum() == 0
