"""Patches without surroundings, masked by the true contour: the training data of the ceiling."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.patches.patchset import PatchSet
from cellbench.patches.resize import resize_patch


def contour_masked(patch_set: PatchSet, size: int, cache_dir: Path) -> NDArray[np.uint8]:
    """Return all patches at `size` px, with mid-grey (128) outside the contour of the centre cell.

    Args:
        patch_set: A data set with masks.
        size: Side of the result in px.
        cache_dir: Folder of the resized copies.

    Returns:
        uint8, 0–255, shape (N, size, size, 3), in memory.

    Raises:
        DataError: The data set has no contours.
    """
    if patch_set.masks is None:
        raise DataError(f"The data set {patch_set.card.name!r} has no contours, so the oracle cannot be trained on it.")
    patches = patch_set.resized(size, cache_dir)
    found = np.empty(patches.shape, np.uint8)
    for row, patch in enumerate(patches):
        inside = resize_patch(np.where(patch_set.masks[row] > 0, 255, 0).astype(np.uint8), size)
        weight = inside[..., None].astype(np.float32) / 255
        found[row] = np.round(weight * patch + (1 - weight) * 128)
    return found
