"""A table of patches, as CSV, TSV or Parquet."""

import difflib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError, listing
from cellbench.importers.images import MAX_PIXELS, write_image
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.names import MAX_NAME, name_fault, nfc, spelled_path
from cellbench.importers.options import ImportOptions, find
from cellbench.importers.problems import shown, shown_path
from cellbench.importers.tables import read_text_table, refuse_missing_columns, used_columns

_TEXT = ("path", "label", "group", "mask")
_LENGTHS = ("x", "y", "radius_px")
_WITH_POINT = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_WITH_COMMA = r"[+-]?[0-9]+(?:,[0-9]+)?"
_AMBIGUOUS = r"[+-]?[1-9][0-9]{0,2},[0-9]{3}"


def read_csv(path: Path, options: ImportOptions) -> Manifest:
    """Return the patches of a table.

    The columns `path` (of the image, relative to the folder of the table) and `label` (may be empty) are required.
    Optional columns are `group`; `x` and `y`, the centre in px of the image, where 0 is the centre of the first pixel;
    `radius_px`, in px of the image; `mask`, the path of the contour mask of the whole image. Without `x` and `y` the
    patch is the whole image.

    Args:
        path: A .csv, .tsv or .parquet file.
        options: `column` names columns that are called otherwise. `group_pattern` is used if the table has no column
            `group`.

    Raises:
        DataError: The table cannot be read, or its columns are wrong.
        SettingError: `column` names a column that is not used, or that the table does not have.
    """
    known, names = (*_TEXT, *_LENGTHS), options.column or {}
    whole = read_text_table(path, {*known, *names.values()})
    table, others = used_columns(path, whole, known, names)
    for name in others:
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)
        if near and near[0] not in names:
            raise DataError(
                f"{path} has a column {shown(name)}; did you mean '{near[0]}'? Rename it, or remove it, or give "
                f"--column {near[0]}={shown_path(name)}."
            )
    refuse_missing_columns(path, whole, table, ("path", "label"))
    if ("x" in table.columns) != ("y" in table.columns):
        raise DataError(f"{path} has only one of the columns x and y; give both or neither.")
    remarks = [_on_unused(others, "group" in table.columns or bool(options.group_pattern))] if others else []
    problems: list[str] = []
    texts = {name: _shared(table[name]) for name in _TEXT if name in table.columns}
    found = pd.DataFrame(texts, index=table.index, dtype=object)
    lengths = table[[name for name in _LENGTHS if name in table.columns]]
    found = found.assign(**_lengths_in_px(lengths, problems))
    _check_rows(found, lengths, problems)
    if "group" not in found.columns and options.group_pattern:
        pattern = options.group_pattern
        found["group"] = _mapped(found["path"], lambda name: find(pattern, nfc(os.path.normpath(name)), "group"))
        problems += [
            f"{_at(found, row)}: --group-pattern finds no group in {shown(str(found['path'].iat[row]))}"
            for row in _rows(found["group"].isna() & found["path"].notna())
        ]
    _find_files(found, path.parent, problems)
    is_centred = [name for name in ("x", "y") if name in found.columns]
    read = (found[is_centred].notna() == lengths[is_centred].notna()).all(axis=1)
    _check_copies(found[read & found["source"].notna()], ["source", *is_centred], problems)
    _check_names(found, problems)
    found = found[found["source"].notna()].drop(columns="path")
    if n_unlabelled := int(found["label"].isna().sum()):
        remarks.append(f"{n_unlabelled} rows have no label; their patches are in the pool only.")
    return Manifest(found, cut="x" in found.columns, problems=problems, remarks=remarks)


def _on_unused(columns: Sequence[str], has_groups: bool) -> str:
    hint = "" if has_groups else " If one names the slide or patient, add --column group=NAME."
    return f"Unused columns: {listing(map(shown_path, columns))}.{hint}"


def _lengths_in_px(table: pd.DataFrame, problems: list[str]) -> dict[str, NDArray[np.float64]]:
    """Return the numbers in the columns of a table in px, NaN where a cell is empty or not a length.

    A comma is the decimal mark if no number of the table has a point. Commas that all stand before exactly three
    digits, as in `1,234`, can also separate thousands, so such a table is refused.

    Args:
        table: Text, one column for each length. The name of the index says what it counts, for example `line`.
        problems: Receives a sentence for each value that is not a length, or one for an ambiguous table.

    Returns:
        Numbers by the names of the columns, each of shape (N,).
    """
    counts = table.index.name
    with_comma = {name: table[name][_contains(table[name], ",")] for name in table.columns}
    has_commas = any(map(len, with_comma.values()))
    has_points = any(_contains(table[name], ".").any() for name in table.columns)
    if has_commas and not has_points and all(t.str.fullmatch(_AMBIGUOUS).all() for t in with_comma.values()):
        name, texts = next((name, texts) for name, texts in with_comma.items() if len(texts))
        problems.append(
            f"{counts} {texts.index[0]}: {name} is {shown(texts.iloc[0])}, which can mean thousands, because every "
            "comma of the numbers stands before three digits; write them with a decimal point"
        )
        return {name: np.full(len(table), np.nan) for name in table.columns}
    found = {}
    for name in table.columns:
        pattern = _WITH_COMMA if has_commas and not has_points else _WITH_POINT
        texts = table[name]
        fits = texts.str.fullmatch(pattern).fillna(False).to_numpy(dtype=bool)
        numbers = texts.str.replace(",", ".", regex=False).where(fits).to_numpy(dtype=np.float64, na_value=np.nan)
        numbers[np.abs(numbers) > MAX_PIXELS] = np.nan
        reason = "not a number of px"
        if has_commas and has_points:
            reason += " (other numbers have a decimal point, so a comma is no decimal mark)"
        bad = texts[np.isnan(numbers) & texts.notna().to_numpy()]
        problems += [
            f"{counts} {at}: {name} is {shown(text)}, {reason if ',' in text else 'not a number of px'}"
            for at, text in bad.items()
        ]
        found[name] = numbers
    return found


def _contains(texts: "pd.Series[str]", mark: str) -> NDArray[np.bool_]:
    return texts.str.contains(mark, regex=False).fillna(False).to_numpy(dtype=bool)


def _shared(texts: "pd.Series[str]") -> NDArray[np.object_]:
    """Return texts as objects, None where missing. Equal texts share one object, which saves memory."""
    codes, unique = pd.factorize(texts)
    return np.array([*np.asarray(unique, dtype=object), None], dtype=object)[codes]  # the code of a missing value is −1


def _mapped(texts: "pd.Series[Any]", change: Callable[[str], str | None]) -> "pd.Series[Any]":
    """Return a function of each text, None where it is missing. Equal texts are computed once."""
    values = {text: change(text) for text in texts.dropna().unique()}
    return texts.map(values).astype(object).where(texts.notna(), None)


def _rows(mask: "pd.Series[bool]") -> list[int]:
    """Return the positions of the rows where a mask is true."""
    return [int(row) for row in np.flatnonzero(mask)]


def _at(table: pd.DataFrame, row: int) -> str:
    return f"{table.index.name} {table.index[row]}"


def _check_rows(table: pd.DataFrame, lengths: pd.DataFrame, problems: list[str]) -> None:
    """Add a problem for each row without an image or group, with half a centre, or with a radius of 0 px or less."""
    for name in ("path", "group"):
        if name in table.columns:
            problems += [f"{_at(table, row)}: it has no {name}" for row in _rows(table[name].isna())]
    if "x" in table.columns:
        half = lengths["x"].isna() != lengths["y"].isna()
        problems += [f"{_at(table, row)}: it has only one of x and y" for row in _rows(half)]
    if "radius_px" in table.columns:
        flat = _rows(table["radius_px"] <= 0)
        problems += [f"{_at(table, r)}: radius_px is {lengths['radius_px'].iat[r]!r}, not above 0" for r in flat]


def _check_names(table: pd.DataFrame, problems: list[str]) -> None:
    """Add a problem for each class and group that cannot be used, with its first row, and remove its name."""
    for name in ("label", "group"):
        for at, text in table[name].dropna().drop_duplicates().items() if name in table.columns else ():
            if fault := name_fault(text):
                problems.append(f"{table.index.name} {at}: {name} {fault} ({shown(text)})")
                table.loc[table[name] == text, name] = None  # so that no later step reports it again


def _find_files(table: pd.DataFrame, folder: Path, problems: list[str]) -> None:
    """Add the column `source`, replace the masks by their paths, and add a problem for each missing file.

    A missing file is reported once, with its first row. The row gets no source, so that no later step reports it again.
    """
    found: dict[str, str | None] = {}
    for name in ("path", "mask"):
        first = table[name].dropna().drop_duplicates() if name in table.columns else pd.Series(dtype=object)
        for at, text in first.items():
            if text not in found:
                fault = _path_fault(text)
                found[text] = None if fault else _file(folder, text)
                if fault:
                    problems.append(f"{table.index.name} {at}: {name} {fault} ({shown(text)})")
                elif found[text] is None:
                    problems.append(f"{table.index.name} {at}: there is no file {shown_path(text)}")
    if "mask" in table.columns:
        table["mask"] = _mapped(table["mask"], lambda text: found[text] or text)
    table["source"] = _mapped(table["path"], found.__getitem__)


def _path_fault(path: str) -> str | None:
    """Return why a path is refused, as the end of a sentence, or None."""
    if path.isprintable() and len(path) <= MAX_NAME:  # quick, because tables are long
        return None
    return next(filter(None, map(name_fault, path.split("/"))), None)


def _file(folder: Path, name: str) -> str | None:
    """Return the path of an existing file, or None.

    The name as written comes first, as plain text: two million `Path` objects take a minute. Then come other Unicode
    spellings, and folders that a backslash separates, as on Windows.
    """
    exact = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118
    if os.path.isfile(exact):  # noqa: PTH113
        return exact
    for spelling in () if name.isascii() and "\\" not in name else (name, name.replace("\\", "/")):
        path = spelled_path(folder, os.path.normpath(spelling))
        if path is not None and path.is_file():
            return str(path)
    return None


def _check_copies(table: pd.DataFrame, keys: list[str], problems: list[str]) -> None:
    """Add a problem for each row that is equal to an earlier row in all keys."""
    same = table[table.duplicated(keys, keep=False)]
    firsts = same.index.to_series().groupby([same[key] for key in keys], dropna=False).transform("first")
    problems += [
        f"{table.index.name} {at}: it is the same patch as {table.index.name} {first} ({shown_path(path)})"
        for at, first, path in zip(same.index, firsts, same["path"], strict=True)
        if at != first
    ]


def write_csv_example(folder: Path, patches: NDArray[np.uint8], labels: Sequence[str]) -> Path:
    """Write a table `cells.csv` of whole images and return its path; see `Importer.write_example`."""
    names = [f"{number:03}.png" for number in range(len(patches))]
    for name, patch in zip(names, patches, strict=True):
        write_image(folder / name, patch)
    pd.DataFrame({"path": names, "label": labels}).to_csv(folder / "cells.csv", index=False)
    return folder / "cells.csv"


IMPORTERS.register(
    "csv", "a table (.csv, .tsv, .parquet) with path, label and optionally group, x, y, radius_px, mask"
)(Importer(read_csv, write_csv_example, frozenset({"column", "group_pattern", "mask_values"})))
