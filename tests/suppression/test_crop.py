"""Crops: hand-computed examples."""

import math

import pytest
import torch

from cellbench.suppression import build_suppression
from cellbench.suppression.crop import crop_offsets, crop_side, cut


def test_a_crop_of_a_4_by_4_patch_is_its_shifted_square():
    patch = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert cut(patch, 2, torch.tensor([[0.0, 0.0]]))[0, 0].tolist() == [[5, 6], [9, 10]]
    assert cut(patch, 2, torch.tensor([[1.0, -1.0]]))[0, 0].tolist() == [[8, 9], [12, 13]]


def test_crops_stay_inside_the_patch():
    patch = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert cut(patch, 2, torch.tensor([[9.0, 9.0]]))[0, 0].tolist() == [[10, 11], [14, 15]]


def test_offsets_have_a_folded_normal_length_and_any_direction():
    offsets = crop_offsets(20_000, 5.0, torch.Generator().manual_seed(0), "cpu")
    length = offsets.norm(dim=1)
    assert length.mean().item() == pytest.approx(5 * math.sqrt(2 / math.pi), rel=0.03)
    assert offsets.mean(dim=0).abs().max() < 0.1
    assert (offsets > 0).float().mean(dim=0).tolist() == pytest.approx([0.5, 0.5], abs=0.02)


@pytest.mark.parametrize(("method", "side"), [("crop_small", 88), ("crop_medium", 172)])
def test_the_paper_crops_have_their_size_at_the_paper_scale(method, side):
    crop = build_suppression(method, {"offset_sigma": 0.0, "crop_resize": False}, 256, 256, 8)
    patches = torch.rand(2, 3, 256, 256)
    inputs, targets = crop.view(patches, None, training=False)
    start = (256 - side) // 2
    assert torch.equal(inputs, patches[:, :, start : start + side, start : start + side])
    assert torch.equal(targets, inputs)
    assert crop.view_size == crop.window == side


def test_a_resized_crop_keeps_the_network_size_and_looks_closer():
    crop = build_suppression("crop_small", {"offset_sigma": 0.0}, 256, 32, 8)
    assert crop.source_size == 92  # in which 88/256 of the side is 32 px; 93 px would leave an odd margin
    patches = torch.rand(2, 3, 92, 92)
    inputs, _ = crop.view(patches, None, training=False)
    assert torch.equal(inputs, patches[:, :, 30:62, 30:62])
    small = build_suppression("crop_small", {"offset_sigma": 0.0}, 64, 32, 8)
    assert small.source_size == 64  # no more than the patch has
    assert small.view(torch.rand(2, 3, 64, 64), None, training=False)[0].shape == (2, 3, 32, 32)


def test_training_shifts_each_patch_and_evaluation_none():
    crop = build_suppression("crop_medium", {"offset_sigma": 15.0}, 256, 32, 8)
    ramp = torch.linspace(0, 1, crop.source_size).expand(6, 3, crop.source_size, crop.source_size)
    shifted, _ = crop.view(ramp, torch.Generator().manual_seed(0), training=True)
    still, _ = crop.view(ramp, torch.Generator().manual_seed(0), training=False)
    assert len({round(patch[0, 0, 0].item(), 4) for patch in shifted}) > 1
    assert len({round(patch[0, 0, 0].item(), 4) for patch in still}) == 1


def test_a_square_that_cannot_be_centred_is_refused():
    with pytest.raises(ValueError, match="no place in the centre of 4 px"):
        cut(torch.zeros(1, 1, 4, 4), 3, torch.zeros(1, 2))


@pytest.mark.parametrize("method", ["crop_small", "crop_medium"])
@pytest.mark.parametrize("native", [40, 41, 96, 192, 360, 575])
@pytest.mark.parametrize("network", [32, 48, 64, 96])
@pytest.mark.parametrize("crop_resize", [True, False])
def test_the_centre_of_a_crop_is_the_centre_of_its_patch(method, native, network, crop_resize):
    crop = build_suppression(method, {"offset_sigma": 9.0, "crop_resize": crop_resize}, native, network, 8)
    source = crop.source_size
    axis = torch.arange(source) - (source - 1) / 2  # distance from the centre of the patch
    patches = torch.stack((axis[:, None].expand(source, source), axis.expand(source, source)))[None]
    seen, _ = crop.view(torch.cat((patches, patches[:, :1]), dim=1), None, training=False)
    assert seen.shape[-1] == crop.view_size
    torch.testing.assert_close(seen[0, :2].mean(dim=(1, 2)), torch.zeros(2), atol=1e-3, rtol=0)
    assert crop.window / native >= crop.fraction - 1e-9, "the common core fits into it"
    assert crop.window / native <= crop.fraction + 2 / source


def test_a_crop_has_the_fewest_px_that_leave_equal_margins():
    assert [crop_side(size, 0.5) for size in (8, 9, 10, 11)] == [4, 5, 6, 7]
    assert [crop_side(256, 88 / 256), crop_side(256, 172 / 256), crop_side(96, 88 / 256)] == [88, 172, 34]


@pytest.mark.parametrize("network", [32, 64])
@pytest.mark.parametrize("sigma", [5.0, 15.0])
def test_offsets_of_crops_have_their_scale_in_native_px(network, sigma):
    # Each px of the ramp holds its row and column in native px, so a crop's mean is its centre.
    native, n = 256, 1000
    crop = build_suppression("crop_small", {"offset_sigma": sigma}, native, network, 8)
    source = crop.source_size
    axis = (torch.arange(source) - (source - 1) / 2) * native / source
    ramp = torch.stack((axis[:, None].expand(source, source), axis.expand(source, source)))[None]
    seen = crop.view(ramp.expand(n, -1, -1, -1), torch.Generator().manual_seed(0), training=True)[0]
    offsets = seen.mean(dim=(2, 3))  # native px
    assert (offsets**2).sum(dim=1).mean().sqrt().item() == pytest.approx(sigma, rel=0.08)  # √ E|N(0, σ²)|²
    assert offsets.mean(dim=0).abs().max() < 0.15 * sigma
    assert offsets.std(dim=0).tolist() == pytest.approx([sigma / 2**0.5] * 2, rel=0.1)


def test_the_window_is_the_crop_or_the_whole_patch():
    whole = build_suppression("vae", {}, 100, 32, 8)
    small = build_suppression("crop_small", {"offset_sigma": 0.0}, 100, 32, 8)
    assert whole.window == 100
    assert 33 < small.window < 36, "0.344 of the side, a whole number of source px"
