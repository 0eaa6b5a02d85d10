"""The table of importers, and the list of patches that an importer returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.importers.images import ImageReader
from cellbench.importers.options import ImportOptions
from cellbench.registry import Registry

COLUMNS = ("source", "label", "group", "x", "y", "radius_px", "mask")


@dataclass(frozen=True)
class Manifest:
    """The patches that an importer finds, before any image is decoded.

    Args:
        table: One row per patch with the columns in `COLUMNS`, of which only `source` is required.
            `source`: the image, as `reader` identifies it.
            `label`: the class, None where it is unknown.
            `group`: the slide, image or patient, None where it is unknown.
            `x`, `y`: the centre in px of the image (0 is the centre of the first pixel), NaN for the centre of the
            image.
            `radius_px`: the radius of the cell in px of the image, NaN where it is unknown.
            `mask`: the contour mask of the image, as `reader` identifies it, or None.
            Coordinates and masks are in the frame of the image that `reader` returns, usually that of the stored
            pixels.
            An index with a name numbers the rows in messages: `line` gives "line 7".
        cut: Whether patches are cut from larger images, so that the user must set their size.
        groups_known: Whether the source image is a known group where `group` is None.
        reader: Decodes the images.
        problems: Sentences on errors in the data. A single problem prevents the import.
        remarks: Sentences for the user after the import.
        notes: Sentences for the card of the data set, which every reader of a result needs.
    """

    table: pd.DataFrame
    cut: bool = False
    groups_known: bool = False
    reader: ImageReader = field(default_factory=ImageReader)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Importer:
    """One outside format.

    Args:
        read: Returns the manifest of a path, for the options of the import.
        write_example: Writes patches in this format into a new folder and returns the path for `read`. Its arguments
            are the folder, patches (uint8, N × H × W × 3, of one size) and the label of each patch. The conformance
            suite imports what it writes.
        accepts: The options in `FORMAT_OPTIONS` that this format uses. Others are an error.
    """

    read: Callable[[Path, ImportOptions], Manifest]
    write_example: Callable[[Path, NDArray[np.uint8], Sequence[str]], Path]
    accepts: frozenset[str] = frozenset()


FORMAT_OPTIONS = frozenset({"column", "group_pattern", "label_folder", "label_pattern", "labels", "mask_values"})
"""Options that only some formats use."""

IMPORTERS: Registry[Importer] = Registry("importer", entry_points="cellbench.importers")
