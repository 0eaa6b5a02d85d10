"""Optical density of patches, and rings around the patch centre: what the floors of cell structure are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cellbench.floors.base import FloorContext, UnavailableFloorError

MAX_SIZE = 64
"""Largest side in px of the patches that these floors see. Smaller patches keep their size."""


def optical_density(patches: np.ndarray) -> np.ndarray:
    """Return the optical density −ln(I) of uint8 patches, where I is the intensity in 0–1, at least 1/255.

    Args:
        patches: uint8, 0–255, any shape.

    Returns:
        Values in 0–5.54, float32, the same shape.
    """
    table = -np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)
    return np.asarray(np.abs(table)[patches])  # abs: 0 in place of −0


def ring_members(side: int, native_size: int, edges: Sequence[float], n_cells: int) -> list[np.ndarray]:
    """Return the cells of a centred square grid that belong to each ring. A ring without a cell is left out.

    Args:
        side: Side of the patch in px.
        native_size: Side of the patch in native px.
        edges: Ascending distances from the centre in native px; a ring has its inner edge and lacks its outer one.
        n_cells: Side of the grid in cells of one px: `side` for the pixels themselves, less for windows of pixels.

    Returns:
        For each ring, indices into the flattened grid of n_cells².
    """
    axis = (np.arange(n_cells) - (n_cells - 1) / 2) * native_size / side
    distance = np.hypot(axis[:, None], axis[None]).ravel()
    rings = [np.flatnonzero((distance >= low) & (distance < high)) for low, high in pairwise(edges)]
    return [ring for ring in rings if len(ring)]


def known_radius(floor: str, context: FloorContext) -> float:
    """Return the cell radius in native px.

    Args:
        floor: Name of the floor that needs it.
        context: What floors are computed with.

    Raises:
        UnavailableFloorError: It is unknown.
    """
    if context.radius.px is None:
        raise UnavailableFloorError(
            f"The floor {floor} needs the radius of the cells, which is unknown ({context.radius.source}); give it "
            "with the option --cell-radius of python -m bench.datasets add."
        )
    return context.radius.px
