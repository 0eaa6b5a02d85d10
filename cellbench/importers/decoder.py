"""Decoding of the patches of a plan, with the cells of their masks."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.importers.contours import Cells, MaskValues
from cellbench.importers.images import ImageReader
from cellbench.patches.border import Box, cut_patch

Decoded = tuple[int, NDArray[np.uint8], Box, NDArray[np.uint8] | None, float | None]
"""Row, patch, valid box, mask of the centre cell inside the patch, and radius in px of a disc with the cell's area."""


class Decoder:
    """Decodes images and masks, and cuts patches. Consecutive patches of an image or mask decode it once.

    Args:
        reader: Decodes the images and masks.
        size: Side of a patch in px.
        mask_values: What several values in a mask are, None where the user did not say.
        short: Returns the name of an image or mask in messages.
        problems: Sentences on images, masks and cells that cannot be used are appended here.
    """

    def __init__(
        self,
        reader: ImageReader,
        size: int,
        mask_values: MaskValues | None,
        short: Callable[[str], str],
        problems: list[str],
    ) -> None:
        self.reader = reader
        self.size = size
        self.mask_values = mask_values
        self.short = short
        self.problems = problems
        self._n_as_parts = 0
        self._n_with_others = 0
        self._n_inside = 0

    def decode(self, table: pd.DataFrame, with_masks: bool) -> Iterator[Decoded]:
        """Yield the patches in order, except those that become a problem.

        Args:
            table: One row per patch with the columns `source`, `x`, `y`, `cut` and `mask`; see `Plan.table`.
            with_masks: Whether each patch has a mask.
        """
        last, image = "", np.zeros((0, 0, 3), dtype=np.uint8)
        last_mask, cells = "", Cells(np.zeros((1, 1), dtype=np.int32))
        bad: set[str] = set()
        columns = table[["source", "x", "y", "cut", "mask"]]
        for row, (source, x, y, is_cut, mask_source) in enumerate(columns.itertuples(index=False, name=None)):
            if source in bad or mask_source in bad:
                continue
            mask, radius = None, None
            reading = source
            try:
                if source != last:
                    image, last = self.reader.image(source), source
                if with_masks:
                    reading = mask_source
                    if mask_source != last_mask:
                        cells, last_mask = self._cells(mask_source), mask_source
                    self._check_frames(source, mask_source, image.shape[:2], cells.values.shape)
            except DataError as error:
                self.problems.append(f"{self.short(source)}: {error}")
                bad.add(reading)
                continue
            if with_masks:
                try:
                    mask, radius = self._mask(cells, x, y, is_cut)
                except DataError as error:
                    self.problems.append(f"{self.short(source)}: its mask {self.short(mask_source)} {error}")
                    continue
            cut = cut_patch(image, x, y, self.size)
            assert cut is not None
            yield row, cut[0], cut[1], mask, radius

    def remarks(self, table: pd.DataFrame) -> list[str]:
        """Return sentences for the user on the decoded images and masks.

        Args:
            table: The table of `decode`.
        """
        remarks = []
        if n_turned := len(self.reader.orientations.keys() & set(table["source"][table["cut"]])):
            remarks.append(
                f"{n_turned} images have an EXIF orientation; x and y are read in the frame of the stored pixels."
            )
        if self._n_as_parts:
            remarks.append(
                f"{self._n_as_parts} cells have several grey levels in their masks, read as parts of one cell; "
                "--mask-values cells reads each level as another cell."
            )
        if self._n_with_others:
            remarks.append(f"{self._n_with_others} masks show more than the cell at the centre; only it is used.")
        if self._n_inside:
            remarks.append(
                f"{self._n_inside} patches lie wholly inside their cell, so they show nothing of its contour; a larger "
                "--patch-size would."
            )
        return remarks

    def _cells(self, mask_source: str) -> Cells:
        try:
            return Cells(self.reader.mask(mask_source))
        except DataError as error:
            raise DataError(f"its mask {self.short(mask_source)} cannot be used: {error}") from error

    def _check_frames(self, source: str, mask_source: str, size: tuple[int, ...], mask_size: tuple[int, ...]) -> None:
        """Refuse a mask that is not certain to lie on its image."""
        turns = [self.reader.orientations.get(name, 1) for name in (source, mask_source)]
        mask = f"its mask {self.short(mask_source)}"
        if turns[0] != turns[1]:
            raise DataError(
                f"its EXIF orientation is {turns[0]}, but that of {mask} is {turns[1]}, so they may be turned against "
                "each other; save both upright, without EXIF orientation"
            )
        if size != mask_size:
            raise DataError(f"{mask} is {mask_size[::-1]} px, not {size[::-1]} px")

    def _mask(self, cells: Cells, x: float, y: float, is_cut: bool) -> tuple[NDArray[np.uint8], float]:
        whole, as_parts = cells.at(x, y, self.mask_values)
        self._n_as_parts += as_parts
        self._n_with_others += not is_cut and bool(cells.values[whole == 0].any())
        cut = cut_patch(whole, x, y, self.size)
        assert cut is not None
        mask, (top, left, bottom, right) = cut
        inside = np.zeros_like(mask)  # the mask is not reflected at the border
        inside[top:bottom, left:right] = mask[top:bottom, left:right]
        self._n_inside += bool(inside.all())
        return inside, float(np.sqrt(whole.sum() / np.pi))
