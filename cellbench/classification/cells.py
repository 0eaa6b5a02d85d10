"""The cells that a classifier is asked about: whole images, places in large images, or the patches of a data set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError, printable
from cellbench.importers.files import find_images
from cellbench.importers.images import SUFFIXES, ImageReader
from cellbench.importers.tables import read_text_table, refuse_missing_columns, used_columns
from cellbench.patches.border import cut_patch
from cellbench.patches.patchset import PatchSet
from cellbench.patches.resize import resize_patch

TABLES = frozenset({".csv", ".parquet", ".tsv"})
"""Suffixes of tables of places."""
LARGEST = 1.25
"""A whole image may be so much larger than a patch. Its middle is used."""
ROW = "#"
"""Between the folder of a data set and the number of a row."""


@dataclass(frozen=True)
class Cell:
    """A cell to classify.

    Attributes:
        source: Path of its image, or folder of its data set and number of its row.
        x: Column of its centre in px of the image; NaN where the image is the patch.
        y: Row of its centre.
        patch: uint8, shape (H, H, 3), at the size of the classifier; None where there is a problem.
        problem: Why it cannot be classified; empty where it can.
    """

    source: str
    x: float
    y: float
    patch: NDArray[np.uint8] | None
    problem: str = ""


def list_cells(paths: Sequence[Path]) -> tuple[pd.DataFrame, list[str]]:
    """Return the cells of some paths, without reading their images, and remarks on what was skipped.

    A path is an image, a folder of images, a table of places, or the folder of a data set. A table has the columns
    `path`, of the image relative to the table, and `x` and `y`, the centre in px of the image, where 0 is the centre of
    the first pixel. A cell that is listed twice is one cell.

    Args:
        paths: At least one.

    Returns:
        Columns `source`, `x` and `y`; x and y are NaN where the whole image is the patch.

    Raises:
        DataError: A path does not exist, a folder has no image, or a table cannot be read.
    """
    tables, remarks = [], []
    for path in paths:
        table, own = _listed(path)
        tables.append(table)
        remarks += own
    found = pd.concat(tables, ignore_index=True)
    return found.drop_duplicates(["source", "x", "y"], ignore_index=True), remarks


def _listed(path: Path) -> tuple[pd.DataFrame, list[str]]:
    if path.is_dir():
        if (path / "card.yaml").is_file() and (path / "patches.npy").is_file():
            n = len(PatchSet.open(path))
            return _whole([f"{path}{ROW}{row}" for row in range(n)]), []
        found = find_images(path)
        if found.problems:
            raise DataError(f"{printable(str(path))}: {found.problems[0]}.")
        return _whole([str(image) for image in found.paths]), found.remarks
    if path.suffix.lower() in TABLES:
        return _of_table(path), []
    if not path.exists():
        raise DataError(f"There is no file or folder {printable(str(path))}.")
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES | TABLES))
        raise DataError(f"{printable(str(path))} is neither an image nor a table; known suffixes: {known}.")
    return _whole([str(path)]), []


def _of_table(path: Path) -> pd.DataFrame:
    """Return the places of a table; a row without a number of px has infinity there, which no image has.

    Raises:
        DataError: The table cannot be read, or a column is missing.
    """
    known = ("path", "x", "y")
    whole = read_text_table(path, known)
    table, _ = used_columns(path, whole, known, {})
    refuse_missing_columns(path, whole, table, known)
    texts = table["path"].fillna("")
    places = {name: pd.to_numeric(table[name], errors="coerce").fillna(np.inf).to_numpy(float) for name in ("x", "y")}
    return pd.DataFrame({"source": [str(path.parent / text) for text in texts], **places})


def _whole(sources: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"source": pd.Series(sources, dtype=object), "x": np.nan, "y": np.nan})


def read_cells(table: pd.DataFrame, size: int, magnification: float = 1.0) -> Iterator[Cell]:
    """Yield the cells in the order of a table. A cell that cannot be read has a problem, and the others follow.

    Args:
        table: What `list_cells` returned, or a part of it.
        size: Side in px of the patches of the classifier.
        magnification: Patches are cut with a side of `size` / `magnification` px and then resized: µm per px of the
            images divided by that of the classifier.
    """
    reader = ImageReader()
    side = max(1, round(size / magnification))
    last, image, fault = "", np.zeros((0, 0, 3), dtype=np.uint8), ""
    patch_sets: dict[str, PatchSet] = {}
    for source, x, y in table[["source", "x", "y"]].itertuples(index=False, name=None):
        if source != last:
            last, fault = source, ""
            try:
                image = _read(source, reader, patch_sets)
            except DataError as error:
                fault = str(error)
        if fault:
            yield Cell(source, x, y, None, fault)
            continue
        try:
            patch = _cut(image, x, y, side)
        except DataError as error:
            yield Cell(source, x, y, None, str(error).rstrip("."))
        else:
            yield Cell(source, x, y, patch if side == size else resize_patch(patch, size))


def _read(source: str, reader: ImageReader, patch_sets: dict[str, PatchSet]) -> NDArray[np.uint8]:
    folder, separator, row = source.rpartition(ROW)
    if separator and row.isdigit() and not Path(source).exists():
        if folder not in patch_sets:
            patch_sets[folder] = PatchSet.open(Path(folder))
        return np.array(patch_sets[folder].patches[int(row)])
    return reader.image(source)


def _cut(image: NDArray[np.uint8], x: float, y: float, side: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    if np.isnan(x):
        if min(height, width) < side or max(height, width) > LARGEST * side:
            raise DataError(
                f"it has {width} × {height} px, but the cell must fill a patch of {side} × {side} px; state its scale "
                "with --um-per-px, or the centres of its cells in a table with path, x and y"
            )
        x, y = (width - 1) / 2, (height - 1) / 2
    cut = cut_patch(image, x, y, side)
    assert cut is not None, "a patch is reflected at the border"
    return cut[0]
