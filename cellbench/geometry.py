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


def resampling(n_in: int, n_out: int, in_side: float = 1.0) -> Tensor:
    """Return the matrix that resamples a centred square of one grid to another, with a triangle filter.

    Rows are the pixels of the result, columns those of the input, and `matrix @ image @ matrix.T` resamples an image.
    The filter is that of `resize_patch` and of torch's bilinear interpolation with antialias, but the square need not
    have a whole number of px in the result. Beyond the square the values at its border continue.

    Args:
        n_in: Side of the input in px.
        n_out: Side of the result in px.
        in_side: Side of the square that the input covers, as a fraction of the side that the result covers.

    Returns:
        Weights ≥ 0, float32, shape (n_out, n_in); the sum of each row is 1.
    """
    import torch

    centres = (torch.arange(n_out, dtype=torch.float64) + 0.5) / n_out - 0.5  # of the result's px, as fractions
    positions = ((centres / in_side + 0.5) * n_in - 0.5).clamp(0, n_in - 1)  # in px of the input
    reach = max(1.0, n_in / (in_side * n_out))
    weights = (1 - (torch.arange(n_in) - positions[:, None]).abs() / reach).clamp_min(0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()


def square(size: int, side: float) -> np.ndarray:
    """Return a centred square as weights 0 or 1, float32, shape (size, size).

    Args:
        size: Height and width in px.
        side: Side of the square in px of this size; a pixel belongs to the square when its centre does.
    """
    inside = np.abs(np.arange(size) - (size - 1) / 2) <= side / 2
    return np.outer(inside, inside).astype(np.float32)


def disc(size: int, radius: float) -> np.ndarray:
    """Return a centred disc as weights 0 or 1, float32, shape (size, size).

    Args:
        size: Height and width in px.
        radius: Radius in px of this size; a pixel belongs to the disc when its centre does.
    """
    import torch

    return (centre_distance(size, dtype=torch.float64).numpy() <= radius).astype(np.float32)
