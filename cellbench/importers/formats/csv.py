"""A table of patches, as CSV, TSV or Parquet."""

import difflib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.importers.images import write_image
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.options import ImportOptions, find

_TEXT = ("path", "label", "group", "mask")
_NUMBERS = ("x", "y", "radius_px")


def read_csv(path: Path, options: ImportOptions) -> Manifest:
    """Return the patches of a table.

    The columns `path` (of the image, relative to the folder of the table) and `label` (may be empty) are required.
    Optional columns are `group`; `x` and `y`, the centre in px of the image, where 0 is the centre of the first pixel;
    `radius_px`, in px of the image; `mask`, the path of the contour mask of the whole image. Without `x` and `y` the
    patch is the whole image.

    Args:
        path: A .csv, .tsv or .parquet file.
        options: `group_pattern` is used if the table has no column `group`.

    Raises:
        DataError: The table cannot be read, or its columns are wrong.
    """
    table = read_text_table(path)
    known = (*_TEXT, *_NUMBERS)
    others = [str(name) for name in table.columns if name not in known]
    for name in others:
        if near := difflib.get_close_matches(name.strip().lower(), known, n=1, cutoff=0.75):
            raise DataError(f"{path} has a column '{name}'; did you mean '{near[0]}'? Rename it, or remove it.")
    if missing := [name for name in ("path", "label") if name not in table.columns]:
        hint = " Is it separated by commas?" if len(table.columns) == 1 else ""
        raise DataError(
            f"{path} has no column {' and '.join(missing)}; its columns are {', '.join(table.columns)}.{hint}"
        )
    if ("x" in table.columns) != ("y" in table.columns):
        raise DataError(f"{path} has only one of the columns x and y; give both or neither.")
    remarks = [f"Unused columns: {', '.join(others)}."] if others else []
    problems: list[str] = []
    columns: dict[str, object] = {name: table[name] for name in _TEXT if name in table.columns}
    for name in _NUMBERS:
        if name in table.columns:
            columns[name] = _numbers(table[name], name, problems)
    found = pd.DataFrame(columns)
    for name in ("path", "mask"):
        if name in found.columns:  # one spelling of each path, so that duplicates are found
            found[name] = [None if pd.isna(value) else os.path.normpath(value) for value in found[name]]
    _check_rows(found, path.parent, problems)
    if "group" not in found.columns and options.group_pattern:
        groups = [find(options.group_pattern, str(name), "group") for name in found["path"]]
        problems += [
            f"line {line}: --group-pattern finds no group in '{name}'"
            for line, (name, group) in enumerate(zip(found["path"], groups, strict=True), start=2)
            if group is None
        ]
        found["group"] = groups
    # A missing file is reported once, with its line. Without its row, no later step reports it again.
    found = found[[pd.isna(name) or (path.parent / name).is_file() for name in found["path"]]].copy()
    for name in ("path", "mask"):
        if name in found.columns:
            found[name] = [None if pd.isna(v) else str(path.parent / v) for v in found[name]]
    found = found[found["path"].notna()].rename(columns={"path": "source"})
    if n_unlabelled := int(found["label"].isna().sum()):
        remarks.append(f"{n_unlabelled} rows have no label; their patches are in the pool only.")
    return Manifest(found, cut="x" in found.columns, problems=problems, remarks=remarks)


def read_text_table(path: Path) -> pd.DataFrame:
    """Return a .csv, .tsv or .parquet file with every value as text, None where it is empty.

    Raises:
        DataError: The file is missing, empty or not readable.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path}; give a .csv, .tsv or .parquet file.")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".parquet"):
        raise DataError(f"{path} is not a table; give a .csv, .tsv or .parquet file.")
    try:
        if suffix == ".parquet":
            table = pd.read_parquet(path)
            table = pd.DataFrame({str(c): _as_text(table[c]) for c in table.columns}, dtype=object)
        else:
            separator = "\t" if suffix == ".tsv" else ","
            with warnings.catch_warnings():  # otherwise pandas truncates long lines, or shifts their columns
                warnings.simplefilter("error", pd.errors.ParserWarning)
                table = pd.read_csv(
                    path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False
                )
            table = table.astype(object).map(lambda value: value.strip() or None)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    except (ValueError, OSError, pd.errors.ParserWarning) as error:  # parser errors are ValueErrors
        raise DataError(
            f"{path} cannot be read as a table ({str(error).strip().splitlines()[0]}); correct it."
        ) from error
    table.columns = [str(name).strip() for name in table.columns]
    if table.empty:
        raise DataError(f"{path} has no rows; it needs one row per patch.")
    return table


def _as_text(values: "pd.Series[str]") -> list[str | None]:
    return [None if pd.isna(v) else str(v).strip() or None for v in values.tolist()]


def _numbers(values: "pd.Series[str]", name: str, problems: list[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(numbers) & values.notna().to_numpy()
    problems += [f"line {row + 2}: {name} is '{values.iloc[row]}', not a number" for row in np.flatnonzero(bad)]
    if name == "radius_px":
        problems += [f"line {row + 2}: radius_px is not above 0" for row in np.flatnonzero(numbers <= 0)]
    return numbers


def _check_rows(table: pd.DataFrame, folder: Path, problems: list[str]) -> None:
    """Add a problem for each row without an image or group, with a missing file, or with the patch of another row."""
    for name in ("path", "group"):
        if name in table.columns:
            problems += [f"line {row + 2}: it has no {name}" for row in np.flatnonzero(table[name].isna())]
    for name in ("path", "mask"):
        for value in table[name].dropna().unique() if name in table.columns else ():
            if not (folder / value).is_file():
                line = int(np.flatnonzero(table[name] == value)[0]) + 2
                problems.append(f"line {line}: there is no file {value}")
    keys = ["path", *(name for name in ("x", "y") if name in table.columns)]
    if "x" in table.columns:
        half = table["x"].isna() != table["y"].isna()
        problems += [f"line {row + 2}: it has only one of x and y" for row in np.flatnonzero(half)]
    first: dict[tuple[object, ...], int] = {}
    for line, key in enumerate(table[keys].astype(object).fillna("").itertuples(index=False, name=None), start=2):
        if first.setdefault(key, line) != line:
            problems.append(f"line {line}: it is the same patch as line {first[key]} ({key[0]})")


def write_csv_example(folder: Path, patches: NDArray[np.uint8], labels: Sequence[str]) -> Path:
    """Write a table `cells.csv` of whole images and return its path; see `Importer.write_example`."""
    names = [f"{number:03}.png" for number in range(len(patches))]
    for name, patch in zip(names, patches, strict=True):
        write_image(folder / name, patch)
    pd.DataFrame({"path": names, "label": labels}).to_csv(folder / "cells.csv", index=False)
    return folder / "cells.csv"


IMPORTERS.register(
    "csv", "a table (.csv, .tsv, .parquet) with path, label and optionally group, x, y, radius_px, mask"
)(Importer(read_csv, write_csv_example, frozenset({"group_pattern", "mask_values"})))
