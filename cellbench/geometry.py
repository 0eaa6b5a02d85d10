"""Distances and discs in square patches, from one definition of the patch centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PAPER_SIZE = 256
"""Side of the paper's patches in px. Its radii, offsets and crop sizes are in px of such a patch."""


def centre_distance(size: int, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Tensor:
    """Return the distance of each pixel from the patch centre, in px of this size.

    The centre lies at (size − 1)/2, between the four middle pixels of an even patch. Distances are at least half a
    pixel, so that weights that fall steeply at 0 are similar for odd and even sizes.

    Args:
        size: Height and width of the patch in px.
        device: Device of the result.
        dtype: Floating-point dtype of the result; None for float32.

    Returns:
        Distances in px, shape (size, size).
    """
    import torch

    axis = torch.arange(size, device=device, dtype=dtype or torch.float32) - (size - 1) / 2
    return torch.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2).clamp_min(0.5)


def corner_radius(size: int) -> float:
    """Return the distance from the centre of a patch of `size` px to the centre of its corner pixel, in px."""
    return (size - 1) / 2 * 2**0.5


def disc(size: int, radius: float) -> np.ndarray:
    """Return a centred disc as weights 0 or 1, float32, shape (size, size).

    Args:
        size: Height and width in px.
        radius: Radius in px of this size; a pixel belongs to the disc when its centre does.
    """
    import torch

    return (centre_distance(size, dtype=torch.float64).numpy() <= radius).astype(np.float32)
