"""Selection of one cell in the values of a mask."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellbench.errors import DataError

MaskValues = Literal["cells", "parts"]
"""What different values above 0 in a mask are: different cells, or parts of one cell, as nucleus and cytoplasm."""
_MAX_PARTS = 3
_MAX_VALUES = 8  # more values in one cell are smoothing, whatever the user says
_EDGE = 2  # px; smoothing and compression change pixels this near to an edge
_MIN_GREY = 128  # a smoothed mask is this bright or brighter; small values are numbers of cells


def label_values(values: NDArray[np.generic], lossy: bool) -> NDArray[np.int32]:
    """Return the values of a mask as whole numbers, and cut smoothed edges at half of the largest value.

    A mask is smoothed if it has at least three values between 0 and the largest one, all of them near an edge. It
    becomes 0 and 1. A mask with other values is unchanged.

    Args:
        values: H × W, or H × W × 3 for colours. Each colour is another value; where only one channel is used, its
            brightness is the value.
        lossy: Whether compression may have changed the values. Then 0 and the largest value are inexact, and only a
            mask with these two values can be used.

    Returns:
        int32, H × W, 0 outside cells.

    Raises:
        DataError: The values are negative, not whole numbers, or not exact. The message does not name the mask.

    Example:
        >>> label_values(np.array([[0, 128, 255]], dtype=np.uint8), lossy=False).tolist()
        [[0, 128, 255]]
    """
    numbers = np.asarray(values if values.ndim == 2 else _without_colour(values, lossy), dtype=np.float64)
    if not (np.isfinite(numbers) & (numbers >= 0) & (numbers < 2**31) & (numbers == np.floor(numbers))).all():
        raise DataError("its values are not whole numbers from 0; save it with 0 outside cells and 1, 2, … inside")
    whole = numbers.astype(np.int32)
    highest = int(whole.max())
    tolerance = 0.15 * highest if lossy else 0.0
    between = (whole > tolerance) & (whole < highest - tolerance)
    several = lossy or len(np.unique(whole[between])) >= _MAX_PARTS
    inside = whole >= highest / 2
    if highest >= _MIN_GREY and several and _is_edge(between, inside):
        return inside.astype(np.int32)
    if lossy and highest > 0:
        raise DataError("lossy compression changed its values; save it as PNG")
    return whole


def _without_colour(values: NDArray[np.generic], lossy: bool) -> NDArray[np.int32]:
    """Return one value per colour, H × W, 0 for black."""
    channels = values.astype(np.int32)
    if lossy:
        if np.ptp(channels, axis=2).max() > 32:
            raise DataError("lossy compression changed its colours; save it as PNG")
        return np.asarray(channels.max(axis=2))
    is_grey = (channels == channels[..., :1]).all()
    if is_grey or np.count_nonzero(channels.any(axis=(0, 1))) <= 1:
        return np.asarray(channels.max(axis=2))
    return np.asarray(channels @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32))


def _is_edge(between: NDArray[np.bool_], inside: NDArray[np.bool_]) -> bool:
    """Return whether intermediate values are an edge: all near the border of the inside, and nowhere wide."""
    from scipy import ndimage

    size = 2 * _EDGE + 1
    near = ndimage.maximum_filter(inside, size) & ~ndimage.minimum_filter(inside, size)
    wide = ndimage.minimum_filter(between, size)  # the inside of a grey area has no border, but noise can draw some
    return not (between & ~near).any() and not wide.any()


class Cells:
    """The cells of one mask. Its regions are found once, however many cells are then asked for.

    Args:
        values: int32, H × W, 0 outside cells.
    """

    def __init__(self, values: NDArray[np.int32]) -> None:
        from scipy import ndimage

        self.values = values
        self._regions, _ = ndimage.label(values > 0)
        self._region_boxes = ndimage.find_objects(self._regions)
        self._distinct: dict[int, NDArray[np.int32]] = {}
        self._value_boxes: dict[int, tuple[slice, slice]] = {}

    def at(self, x: float, y: float, meaning: MaskValues | None) -> tuple[NDArray[np.uint8], bool]:
        """Return the cell that contains (x, y), with its holes filled.

        A cell is a connected region above 0. If the region has several values, `meaning` says what they are. Without
        it, at most three well separated grey levels up to 255 are parts of one cell, and anything else is an error.

        Args:
            x: Column of the centre in px of the mask; 0 is the centre of the first pixel.
            y: Row of the centre in px, likewise.
            meaning: What several values in a connected region are.

        Returns:
            uint8, H × W, 1 inside the cell and 0 elsewhere; and whether its values were taken as parts without
            `meaning`.

        Raises:
            DataError: No cell contains (x, y), it covers the whole mask, or its values are ambiguous. The message
                continues a sentence that begins with the name of the mask.

        Example:
            >>> Cells(np.array([[1, 1, 2, 0, 1]], dtype=np.int32)).at(x=0.6, y=0, meaning="cells")[0].tolist()
            [[1, 1, 0, 0, 0]]
        """
        from scipy import ndimage

        height, width = self.values.shape
        row, column = min(int(y + 0.5), height - 1), min(int(x + 0.5), width - 1)
        start = self._nearest(row, column)
        values = self._values_of_region(int(self._regions[start]))
        several = len(values) > 1
        if len(values) > _MAX_VALUES and self._is_smoothed(int(self._regions[start]), values):
            raise DataError(f"has smoothed edges ({_listed(values)} at ({x:g}, {y:g})); save it as it was annotated")
        if several and meaning is None and not _are_grey_levels(values):
            raise DataError(
                f"has {_listed(values)} in one connected region at ({x:g}, {y:g}). Add --mask-values cells if each "
                "value is another cell, or --mask-values parts if they are parts of one cell"
            )
        if meaning == "parts" and len(values) > _MAX_VALUES:
            raise DataError(f"has {_listed(values)} in the cell at ({x:g}, {y:g}); save it without smoothed edges")
        box, own = self._cell_of(start, meaning)
        here = self.values[box]
        found = np.zeros_like(self.values, dtype=np.uint8)
        found[box] = own | (ndimage.binary_fill_holes(own) & (here == 0))
        if not found[row, column]:
            raise DataError(f"does not cover the centre ({x:g}, {y:g}), which must lie inside the contour of the cell")
        if found.all():
            raise DataError("covers the whole image, so it has no contour")
        return found, several and meaning is None

    def _nearest(self, row: int, column: int) -> tuple[int, int]:
        """Return the nearest pixel above 0. It differs from (row, column) in a hole and beside a cell."""
        if self.values[row, column]:
            return row, column
        rows, columns = np.nonzero(self.values)
        if len(rows) == 0:
            raise DataError("is empty")
        nearest = int(np.argmin((rows - row) ** 2 + (columns - column) ** 2))
        return int(rows[nearest]), int(columns[nearest])

    def _values_of_region(self, region: int) -> NDArray[np.int32]:
        if region not in self._distinct:
            box = self._region_boxes[region - 1]
            self._distinct[region] = np.unique(self.values[box][self._regions[box] == region])
        return self._distinct[region]

    def _is_smoothed(self, region: int, values: NDArray[np.int32]) -> bool:
        """Return whether most values of a region are thin lines, as along a smoothed edge. A cell has an inside."""
        from scipy import ndimage

        here = self.values[self._region_boxes[region - 1]]
        inside = ndimage.minimum_filter(here, 3) == ndimage.maximum_filter(here, 3)
        return len(np.intersect1d(values, here[inside])) < len(values) / 2

    def _cell_of(
        self, pixel: tuple[int, int], meaning: MaskValues | None
    ) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
        """Return the bounding box of a cell, and its pixels in the box."""
        from scipy import ndimage

        if meaning != "cells":
            region = self._regions[pixel]
            box = self._region_boxes[region - 1]
            return box, self._regions[box] == region
        if not self._value_boxes:
            names, numbers = np.unique(self.values, return_inverse=True)
            boxes = ndimage.find_objects(numbers.reshape(self.values.shape) + 1)
            self._value_boxes = dict(zip(names.tolist(), boxes, strict=True))
        box = self._value_boxes[int(self.values[pixel])]
        pieces, _ = ndimage.label(self.values[box] == self.values[pixel])
        return box, pieces == pieces[pixel[0] - box[0].start, pixel[1] - box[1].start]


def _are_grey_levels(values: NDArray[np.int32]) -> bool:
    """Return whether values are grey levels chosen to be seen, as 128 and 255. Numbers of cells are not."""
    return len(values) <= _MAX_PARTS and values[-1] == 255 and bool((np.diff(values, prepend=0) >= 32).all())


def _listed(values: NDArray[np.int32]) -> str:
    shown = ", ".join(map(str, values[:4]))
    return f"the values {shown}" if len(values) <= 4 else f"{len(values)} values ({shown}, …)"
