"""Distances and discs in square patches, from one definition of the patch centre."""

import numpy as np
import torch
from torch import Tensor


def centre_distance(size: int, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the distance of each pixel from the patch centre, in px of this size.

    The centre lies at (size − 1)/2, between the four middle pixels of an even patch. Distances are at least half a
    pixel, so that weights that fall steeply at 0 are similar for odd and even sizes.

    Args:
        size: Height and width of the patch in px.
        device: Device of the result.
        dtype: Floating-point dtype of the result.

    Returns:
        Distances in px, shape (size, size).
    """
    axis = torch.arange(size, device=device, dtype=dtype) - (size - 1) / 2
    return torch.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2).clamp_min(0.5)


def corner_radius(size: int) -> float:
    """Return the distance from the centre of a patch of `size` px to the centre of its corner pixel, in px."""
    return (size - 1) / 2 * 2**0.5


def disc(size: int, radius: float, feather: float = 0.0) -> np.ndarray:
    """Return the weights of a centred disc.

    Args:
        size: Height and width of the result in px.
        radius: Radius of the disc in px of this size. A pixel belongs to the disc if its centre does.
        feather: Width of the edge in px, over which the weight falls linearly from 1 to 0. It is centred on the radius.

    Returns:
        float32, 0–1, shape (size, size).
    """
    distance = centre_distance(size, dtype=torch.float64).numpy()
    if feather <= 0:
        return (distance <= radius).astype(np.float32)
    return np.clip((radius - distance) / feather + 0.5, 0.0, 1.0).astype(np.float32)
