"""The table of importers: a format is one file here, registered by name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cellbench.importers.images import ImageReader
from cellbench.importers.options import ImportOptions
from cellbench.registry import Registry

COLUMNS = ("source", "label", "group", "x", "y", "radius_px", "mask")


@dataclass(frozen=True)
class Manifest:
    """What an importer finds: which patches there are, before any picture is decoded.

    Args:
        table: A row for each patch. `source`, the image as `reader` knows it; `label`, None where there is none;
            `group`, None where it is not known; `x` and `y`, the centre in px of the image (0 is the centre of the
            first pixel), NaN for the centre of the image; `radius_px`, NaN where it is not known; `mask`, the image
            of the contour as `reader` knows it, or None.
        cut: Whether patches are cut out of larger images, so that the user must say their size.
        groups_known: Whether the source image counts as a known group where `group` is None.
        reader: Decodes the images.
        problems: Sentences on what cannot be used; one is enough to refuse the import.
        remarks: Sentences for the summary.
        notes: Sentences for the card, which every reader of a figure must know.
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
        read: Takes a path and the options, gives the manifest.
        accepts: The options among `SPECIAL` that mean something to this format; others are refused.
    """

    read: Callable[[Path, ImportOptions], Manifest]
    accepts: frozenset[str] = frozenset()


SPECIAL = frozenset({"label_pattern", "group_pattern", "labels"})
"""Options that only some formats understand."""

IMPORTERS: Registry[Importer] = Registry("importer", entry_points="cellbench.importers")
