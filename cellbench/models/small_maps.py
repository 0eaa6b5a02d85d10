"""Convolutions of maps of one or two pixels as single matrix products.

The last stages of a ResNet have such maps when patches are small: at 32 px, the third stage of a ResNet-18 has maps of
2 × 2 px, the fourth of 1 × 1 px. Most taps of a 3 × 3 kernel then meet padding only. They do not change the output, but
cost time and optimiser state. A matrix product over the taps that can meet a pixel computes the same function several
times faster than convolution libraries do.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST = 2
"""Largest side in px of the maps that this is used for; from 3 px on, the library's convolution is as fast."""


@dataclass(frozen=True)
class _Axis:
    """One axis of a convolution: its taps that can meet a pixel, `first` to `last`, and the geometry of its output."""

    first: int
    last: int
    stride: int
    n_out: int
    pad_before: int
    pad_after: int

    @classmethod
    def of(cls, size: int, kernel: int, stride: int, padding: int) -> Self:
        n_out = (size + 2 * padding - kernel) // stride + 1
        live = [tap for tap in range(kernel) if any(0 <= o * stride + tap - padding < size for o in range(n_out))]
        first, last = live[0], live[-1]
        reach = (n_out - 1) * stride + last - padding
        return cls(first, last, stride, n_out, padding - first, max(0, reach - (size - 1)))

    def where(self, tap: int) -> slice:
        """Return the positions in the padded map that a tap meets; `tap` is counted from the first live one."""
        return slice(tap, tap + (self.n_out - 1) * self.stride + 1, self.stride)

    @property
    def n_taps(self) -> int:
        return self.last - self.first + 1


class SmallMapConv2d(nn.Module):
    """A convolution of maps of one small size, which keeps only the taps that can meet a pixel of such a map.

    Args:
        convolution: The convolution that it replaces, with zero padding, one group and no dilation.
        height: Height in px of the maps.
        width: Width in px.
    """

    def __init__(self, convolution: nn.Conv2d, height: int, width: int) -> None:
        super().__init__()
        (kernel_y, kernel_x), (stride_y, stride_x) = convolution.kernel_size, convolution.stride
        assert not isinstance(convolution.padding, str)
        padding_y, padding_x = convolution.padding
        self._rows = _Axis.of(height, kernel_y, stride_y, padding_y)
        self._columns = _Axis.of(width, kernel_x, stride_x, padding_x)
        kept = convolution.weight.detach()[
            :, :, self._rows.first : self._rows.last + 1, self._columns.first : self._columns.last + 1
        ]
        self.weight = nn.Parameter(kept.permute(0, 2, 3, 1).flatten(1).contiguous())  # (out, taps · in)
        self.bias = convolution.bias

    def forward(self, features: Tensor) -> Tensor:
        """Return maps of shape (B, out, H', W') for maps of shape (B, in, H, W)."""
        rows, columns = self._rows, self._columns
        x = features.permute(0, 2, 3, 1)  # (B, H, W, in)
        padding = (columns.pad_before, columns.pad_after, rows.pad_before, rows.pad_after)
        if any(padding):
            x = functional.pad(x, (0, 0, *padding))
        met = [
            x[:, rows.where(tap_y), columns.where(tap_x)]
            for tap_y in range(rows.n_taps)
            for tap_x in range(columns.n_taps)
        ]
        flat = torch.cat(met, dim=-1)  # (B, H', W', taps · in)
        return functional.linear(flat, self.weight, self.bias).permute(0, 3, 1, 2)


def use_small_map_convolutions(network: nn.Module, example: Tensor) -> None:
    """Replace, in place, the convolutions of a network whose maps are small.

    Args:
        network: A network whose maps have the same size at every call.
        example: Patches of the size that the network is used for, shape (B, C, H, W).
    """
    sizes: dict[str, torch.Size] = {}
    names = {
        module: name
        for name, module in network.named_modules()
        if type(module) is nn.Conv2d
        and module.groups == 1
        and module.kernel_size != (1, 1)
        and module.padding_mode == "zeros"
        and module.dilation == (1, 1)
        and not isinstance(module.padding, str)
    }

    def note(module: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        if max(inputs[0].shape[-2:]) <= LARGEST:
            sizes[names[module]] = inputs[0].shape  # type: ignore[index]

    hooks = [module.register_forward_hook(note) for module in names]
    training = network.training
    with torch.no_grad():
        network.eval()(example)
    network.train(training)
    for hook in hooks:
        hook.remove()
    for name, shape in sizes.items():
        parent, _, own = name.rpartition(".")
        convolution = network.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        setattr(network.get_submodule(parent), own, SmallMapConv2d(convolution, *shape[-2:]))
