"""Patches in polar coordinates: rings around the centre, sampled at the same angles."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellbench.patches.resize import resize_patch

SIDE = 64
"""Side in px that larger patches are shrunk to first. A ring is then about 1/64 of the patch wide."""
N_ANGLES = 32
"""Number of points of a ring. It is even, so that every point has an opposite one."""
_MARGIN = 2
"""Shrunken px next to padding that are invalid, because shrinking and interpolation mix padding into them."""


@dataclass(frozen=True)
class Rings:
    """Rings of N patches: R rings of A points each.

    Attributes:
        distances: Distance of each ring from the centre in native px, ascending, shape (R,).
        colours: float32, 0–1, shape (N, R, A, 3).
        valid: False for points in padding, shape (N, R, A).
    """

    distances: NDArray[np.float64]
    colours: NDArray[np.float32]
    valid: NDArray[np.bool_]


def read_rings(patches: Iterable[NDArray[np.uint8]], native_size: int, boxes: NDArray[np.int64]) -> Rings:
    """Read the rings of patches.

    Args:
        patches: uint8, N patches of shape (H, H, 3).
        native_size: H in px.
        boxes: Top, left, bottom and right of the image in each patch, without padding, native px, shape (N, 4).
    """
    side = min(SIDE, native_size)
    scale = native_size / side
    distances: NDArray[np.float64] = np.arange(1, side // 2, dtype=np.float64) - 0.5  # px of the shrunken patch
    angles = np.arange(N_ANGLES) * (2 * np.pi / N_ANGLES)
    centre = (side - 1) / 2
    y = np.clip(centre + distances[:, None] * np.sin(angles), 0, side - 1)  # (R, A)
    x = np.clip(centre + distances[:, None] * np.cos(angles), 0, side - 1)
    top, left = (np.minimum(at.astype(np.int64), side - 2) for at in (y, x))
    down, right = ((at - low).astype(np.float32)[..., None] for at, low in ((y, top), (x, left)))

    colours = np.empty((len(boxes), len(distances), N_ANGLES, 3), np.float32)
    for number, patch in enumerate(patches):
        small = (resize_patch(patch, side) if side != native_size else np.asarray(patch)).astype(np.float32) / 255
        upper = small[top, left] * (1 - right) + small[top, left + 1] * right
        lower = small[top + 1, left] * (1 - right) + small[top + 1, left + 1] * right
        colours[number] = upper * (1 - down) + lower * down
    return Rings((distances * scale).astype(np.float64), colours, _valid(y, x, scale, native_size, boxes))


def _valid(
    y: NDArray[np.float64], x: NDArray[np.float64], scale: float, native_size: int, boxes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    top, left, bottom, right = (boxes[:, side, None, None] for side in range(4))
    valid = np.ones((len(boxes), *y.shape), dtype=bool)
    for at, low, high in ((y, top, bottom), (x, left, right)):
        valid &= (low == 0) | ((at + 0.5 - _MARGIN) * scale >= low)
        valid &= (high == native_size) | ((at + 0.5 + _MARGIN) * scale <= high)
    return valid
