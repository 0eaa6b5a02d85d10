"""Symmetries and augmentation of patches, on the device they live on."""

from collections.abc import Iterator

import torch
from torch import Tensor


def random_symmetry(patches: Tensor, quarter_turns: bool, generator: torch.Generator) -> Tensor:
    """Flip each patch at random, and turn it by a random number of quarters.

    Args:
        patches: Shape (B, C, H, H), any dtype.
        quarter_turns: Whether to draw from all eight symmetries of the square, not from the two flips alone.
        generator: Source of randomness, on the device of `patches`.
    """
    coin = torch.rand((3, len(patches), 1, 1, 1), generator=generator, device=patches.device) < 0.5
    patches = torch.where(coin[0], patches.flip(-1), patches)
    patches = torch.where(coin[1], patches.flip(-2), patches)
    return torch.where(coin[2], patches.transpose(-1, -2), patches) if quarter_turns else patches


def symmetries(patches: Tensor, n: int) -> Iterator[Tensor]:
    """Yield the first n of the eight symmetries of the square: as it is, half turn, both flips, the same transposed.

    Args:
        patches: Shape (B, C, H, H), any dtype.
        n: 1 to 8; 1, 2, 4 and 8 are groups, over which a mean is invariant.
    """
    for turned in (patches, patches.transpose(-1, -2))[: -(-n // 4)]:
        for dims in ((), (-1, -2), (-1,), (-2,))[: min(n, 4)]:
            yield turned.flip(dims) if dims else turned


def stain_jitter(patches: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Scale the optical density of each patch and channel by 1 + N(0, strength²).

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
