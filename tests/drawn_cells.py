"""Drawn patches of known radius: a cell with a nucleus, among others, cheap enough for many."""

import numpy as np
import pandas as pd

from cellbench.patches.write import write_patch_set

SIZE = 64


def draw_cells(n=240, radius=14.0, spread=0.12, off_centre=0.0, n_groups=12, seed=0):
    """Return patches, groups and true radii; `spread` and `off_centre` are shares of the radius."""
    rng = np.random.default_rng(seed)
    axis = np.arange(SIZE) - (SIZE - 1) / 2
    radii = np.broadcast_to(radius, n) * np.exp(rng.normal(0, spread, n))
    colours = np.array([[150, 110, 170], [190, 120, 110], [110, 140, 190], [160, 160, 200]])
    patches = np.empty((n, SIZE, SIZE, 3))

    def disc(patch, y, x, r, colour):
        patch[np.hypot(axis[:, None] - y, axis[None] - x) <= r] = colour

    for patch, r in zip(patches, radii, strict=True):
        patch[:] = (235, 225, 230)
        for _ in range(14):
            distance, angle, other = rng.uniform(1.2, 4) * r, rng.uniform(0, 2 * np.pi), r * rng.uniform(0.5, 1)
            place = max(distance, r + other)
            disc(patch, place * np.sin(angle), place * np.cos(angle), other, colours[rng.integers(4)])
        y, x = rng.normal(0, off_centre * r, 2)
        disc(patch, y, x, r, colours[rng.integers(4)] + rng.normal(0, 12, 3))
        disc(patch, y, x, 0.6 * r, np.array([90, 50, 130]) + rng.normal(0, 15, 3))
        patch += rng.normal(0, 4, patch.shape)
    return patches.clip(0, 255).astype(np.uint8), np.arange(n) % n_groups, radii


def write_cells(folder, patches, groups, name="cells"):
    """Write them as a data set without radii; labels say nothing, a fifth is held out."""
    index = pd.DataFrame({"label": np.where(np.arange(len(patches)) // 12 % 2, "a", "b"), "group": groups.astype(str)})
    return write_patch_set(folder / name, patches=patches, index=index, name=name, seed=0)


def square_mask():
    """Return the mask of a square cell in a patch of 24 px, uint8, 0 or 255."""
    mask = np.zeros((24, 24), np.uint8)
    mask[4:20, 4:20] = 255
    return mask
