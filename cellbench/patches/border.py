"""Cutting a patch around a centre, also where it reaches over the border of the image."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellbench.errors import DataError, SettingError

Border = Literal["reflect", "drop"]
Box = tuple[int, int, int, int]
"""Top, left, bottom, right in px of the patch; bottom and right are excluded."""


def cut_box(height: int, width: int, x: float, y: float, size: int) -> tuple[int, int, Box]:
    """Say where a patch around (x, y) lies in an image, and which part of it is image.

    Args:
        height: Height of the image in px.
        width: Width of the image in px.
        x: Column of the centre; 0 is the centre of the first pixel.
        y: Row of the centre.
        size: Side of the patch in px.

    Returns:
        Top and left of the patch in the image (may be negative), and the valid box in px of the patch.

    Raises:
        DataError: If the centre is not in the image.
    """
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise DataError(f"The centre ({x:g}, {y:g}) lies outside the image of {width} × {height} px.")
    top = math.floor(y - (size - 1) / 2 + 0.5)
    left = math.floor(x - (size - 1) / 2 + 0.5)
    valid = (max(0, -top), max(0, -left), min(size, height - top), min(size, width - left))
    return top, left, valid


def cut_patch(
    image: NDArray[np.uint8], x: float, y: float, size: int, border: Border = "reflect"
) -> tuple[NDArray[np.uint8], Box] | None:
    """Cut a square patch around (x, y).

    Args:
        image: uint8, H × W or H × W × C.
        x: Column of the centre; 0 is the centre of the first pixel.
        y: Row of the centre.
        size: Side of the patch in px.
        border: Beyond the image, `reflect` mirrors it (the border pixel is not repeated); `drop` gives no patch.

    Returns:
        The patch, size × size (× C), and its valid box; or None if it was dropped.

    Raises:
        DataError: If the centre is not in the image.
        SettingError: If `border` is neither.

    Example:
        >>> patch, valid = cut_patch(np.arange(9, dtype=np.uint8).reshape(3, 3), x=0, y=1, size=3)
        >>> patch.tolist(), valid
        ([[1, 0, 1], [4, 3, 4], [7, 6, 7]], (0, 1, 3, 3))
    """
    if border not in ("reflect", "drop"):
        raise SettingError(f"Border must be 'reflect' or 'drop', got '{border}'.")
    height, width = image.shape[:2]
    top, left, valid = cut_box(height, width, x, y, size)
    if valid == (0, 0, size, size):
        return np.ascontiguousarray(image[top : top + size, left : left + size]), valid
    if border == "drop":
        return None
    return image.take(_reflect(top, size, height), axis=0).take(_reflect(left, size, width), axis=1), valid


def _reflect(start: int, size: int, length: int) -> NDArray[np.int64]:
    """Return the image's indices start … start + size − 1, mirrored at both ends as often as needed."""
    index = np.arange(start, start + size)
    if length == 1:
        return np.zeros_like(index)
    period = 2 * (length - 1)
    index = np.mod(index, period)
    return np.minimum(index, period - index)
