"""Convolutions of small maps: the same function and the same gradient, less work."""

import pytest
import timm
import torch
from torch import nn

from cellbench.models.encoder import Encoder
from cellbench.models.small_maps import SmallMapConv2d


@pytest.mark.parametrize("height", [1, 2])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 1, 1), (3, 2, 1), (5, 1, 2), (7, 2, 3), ((1, 3), 1, (0, 1))]
)
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_convolution_that_it_stands_for(height, width, kernel, stride, padding, bias):
    torch.manual_seed(0)
    plain = nn.Conv2d(3, 5, kernel, stride, padding, bias=bias)
    small = SmallMapConv2d(plain, height, width)
    maps = torch.randn(4, 3, height, width)
    torch.testing.assert_close(small(maps), plain(maps))


def test_a_resnet_keeps_its_function_and_its_gradient():
    torch.manual_seed(0)
    encoder = Encoder("resnet18", 32).eval()
    torch.manual_seed(0)
    plain = timm.create_model("resnet18", pretrained=False, num_classes=0).eval()
    patches = torch.rand(3, 3, 32, 32)
    mine, theirs = encoder(patches), plain((patches - 0.5) / 0.25)
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)
    mine.square().sum().backward()
    theirs.square().sum().backward()
    stem = encoder.backbone.conv1.weight.grad, plain.conv1.weight.grad
    torch.testing.assert_close(*stem, atol=1e-3, rtol=1e-3)
    # Of 2 × 2 px at stride 2 only the taps right and below the centre meet a pixel, of 1 × 1 px only the centre.
    kept = encoder.backbone.layer4[0].conv1.weight.grad.view(512, 2, 2, 256).permute(0, 3, 1, 2)
    torch.testing.assert_close(kept, plain.layer4[0].conv1.weight.grad[:, :, 1:, 1:], atol=1e-4, rtol=1e-3)
    centre = plain.layer4[1].conv2.weight.grad
    torch.testing.assert_close(encoder.backbone.layer4[1].conv2.weight.grad, centre[:, :, 1, 1], atol=1e-4, rtol=1e-3)
    assert centre.sum() == centre[:, :, 1, 1].sum()


def test_larger_maps_are_left_alone():
    assert not any(isinstance(module, SmallMapConv2d) for module in Encoder("resnet18", 128).modules())
