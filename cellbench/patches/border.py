"""Cut a patch around a centre, also where it extends beyond the border of the image."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cellbench.errors import DataError, SettingError

Border = Literal["reflect", "drop"]
Box = tuple[int, int, int, int]
"""Top, left, bottom and right in px of the patch. Bottom and right are exclusive."""


def cut_box(height: int, width: int, x: float, y: float, size: int) -> tuple[int, int, Box]:
    """Return the position of a patch around (x, y) in an image, and the part of the patch that the image covers.

    Args:
        height: Height of the image in px.
        width: Width of the image in px.
        x: Column of the centre in px; 0 is the centre of the first pixel.
        y: Row of the centre in px, likewise.
        size: Side of the patch in px.

    Returns:
        Top and left of the patch in the image (may be negative), and the valid box in px of the patch.

    Raises:
        DataError: The centre lies outside the image.
    """
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise DataError(f"The centre ({x:g}, {y:g}) lies outside the image of {width} × {height} px.")
    top, left = int(_start(y, size)), int(_start(x, size))
    valid = (max(0, -top), max(0, -left), min(size, height - top), min(size, width - left))
    return top, left, valid


def fits(
    heights: NDArray[np.int64], widths: NDArray[np.int64], x: NDArray[np.float64], y: NDArray[np.float64], size: int
) -> NDArray[np.bool_]:
    """Return which patches lie inside their images completely.

    Args:
        heights: Heights of the images in px, shape (N,).
        widths: Widths of the images in px, shape (N,).
        x: Columns of the centres in px, shape (N,).
        y: Rows of the centres in px, shape (N,).
        size: Side of the patches in px.

    Returns:
        bool, shape (N,).
    """
    top, left = _start(y, size), _start(x, size)
    return np.asarray((top >= 0) & (left >= 0) & (top + size <= heights) & (left + size <= widths))


def cut_patch(
    image: NDArray[np.uint8], x: float, y: float, size: int, border: Border = "reflect"
) -> tuple[NDArray[np.uint8], Box] | None:
    """Cut a square patch around (x, y).

    Args:
        image: uint8, H × W or H × W × C.
        x: Column of the centre in px; 0 is the centre of the first pixel.
        y: Row of the centre in px, likewise.
        size: Side of the patch in px.
        border: What to do beyond the border: `reflect` mirrors the image without repeating the border pixel, `drop`
            returns no patch.

    Returns:
        The patch, size × size (× C), and its valid box. None if the patch is dropped.

    Raises:
        DataError: The centre lies outside the image.
        SettingError: `border` is neither `reflect` nor `drop`.

    Example:
        >>> patch, valid = cut_patch(np.arange(9, dtype=np.uint8).reshape(3, 3), x=0, y=1, size=3)
        >>> patch.tolist(), valid
        ([[1, 0, 1], [4, 3, 4], [7, 6, 7]], (0, 1, 3, 3))
    """
    if border not in ("reflect", "drop"):
        raise SettingError(f"border must be 'reflect' or 'drop'. Got '{border}'.")
    height, width = image.shape[:2]
    top, left, valid = cut_box(height, width, x, y, size)
    if valid == (0, 0, size, size):
        return np.ascontiguousarray(image[top : top + size, left : left + size]), valid
    if border == "drop":
        return None
    return image.take(_reflect(top, size, height), axis=0).take(_reflect(left, size, width), axis=1), valid


def _start(centre: Any, size: int) -> Any:
    """Return the first row or column of a patch around a centre, a number or an array."""
    return np.floor(centre - (size - 1) / 2 + 0.5)


def _reflect(start: int, size: int, length: int) -> NDArray[np.int64]:
    """Return the indices start … start + size − 1, mirrored at both ends of the image as often as needed."""
    index = np.arange(start, start + size)
    if length == 1:
        return np.zeros_like(index)
    period = 2 * (length - 1)
    index = np.mod(index, period)
    return np.minimum(index, period - index)
