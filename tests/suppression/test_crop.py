"""Crops: hand-computed examples."""

import math

import pytest
import torch

from cellbench.suppression import build_suppression
from cellbench.suppression.crop import crop_offsets, cut


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
    assert crop.source_size == 93  # in which 88/256 of the side is 32 px
    inputs, _ = crop.view(torch.rand(2, 3, 93, 93), None, training=False)
    assert inputs.shape == (2, 3, 32, 32)
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
