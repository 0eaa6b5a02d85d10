"""Symmetries and augmentation of patches, computed on the device of the patches."""

from collections.abc import Iterator

import torch
from torch import Tensor

from cellbench.training.configuration import Augment


def random_symmetry(patches: Tensor, augment: Augment, generator: torch.Generator) -> Tensor:
    """Return each patch under a random symmetry of the square.

    Args:
        patches: Shape (B, C, H, H), any dtype.
        augment: `flips,turns` draws from all eight symmetries, `flips` from the four combinations of flips, `turns`
            from the four rotations by quarters; `none` returns the patches as they are and draws nothing.
        generator: Source of randomness, on the device of `patches`.
    """
    if augment == "none":
        return patches
    coin = torch.rand((3, len(patches), 1, 1, 1), generator=generator, device=patches.device) < 0.5
    if augment == "turns":
        patches = torch.where(coin[0], patches.flip(-1, -2), patches)
        return torch.where(coin[1], patches.transpose(-1, -2).flip(-1), patches)
    patches = torch.where(coin[0], patches.flip(-1), patches)
    patches = torch.where(coin[1], patches.flip(-2), patches)
    return torch.where(coin[2], patches.transpose(-1, -2), patches) if "turns" in augment else patches


def symmetries(patches: Tensor, n: int) -> Iterator[Tensor]:
    """Yield patches under the first n of the eight symmetries of the square.

    The order is: identity, half turn, horizontal flip, vertical flip, then the same four transposed.

    Args:
        patches: Shape (B, C, H, H), any dtype.
        n: 1 to 8. The first 1, 2, 4 and 8 are groups, so that a mean over them is invariant.
    """
    for turned in (patches, patches.transpose(-1, -2))[: -(-n // 4)]:
        for dims in ((), (-1, -2), (-1,), (-2,))[: min(n, 4)]:
            yield turned.flip(dims) if dims else turned


def stain_jitter(patches: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Return patches whose optical density is scaled by 1 + N(0, strength²), drawn for each patch and channel.

    Args:
        patches: Values in 0–1, shape (B, C, H, W).
        strength: Standard deviation of the gain.
        generator: Source of randomness, on the device of `patches`.

    Returns:
        Values in 0–1, same shape.
    """
    gain = 1 + strength * torch.randn(
        (len(patches), patches.shape[1], 1, 1), generator=generator, device=patches.device
    )
    density = -torch.log(patches.clamp_min(1 / 255))
    return torch.exp(-density * gain.clamp_min(0)).clamp(0, 1)
