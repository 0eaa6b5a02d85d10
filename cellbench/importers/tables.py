"""Tables of text: .csv and .tsv as spreadsheets write them, and .parquet."""

import codecs
import csv
import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TextIO

import pandas as pd

from cellbench.errors import DataError, SettingError, listing
from cellbench.importers.names import nfc
from cellbench.importers.problems import ProblemsError, shown, shown_path

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # the first line in some tables of Excel
_TEXT_TYPE = "string[pyarrow]"
_CHUNK = 20_000


def read_text_table(path: Path, known: Collection[str]) -> pd.DataFrame:
    """Return a .csv, .tsv or .parquet file as text.

    The separator is the one that a line `sep=;` names. Otherwise it is the comma, semicolon or tab that gives the
    header most of the known names, then the one that gives most columns. Rows without any value are left out, and so
    are columns without a name and value. Another column without a name is called `column 3`, by its position.

    Args:
        path: The file.
        known: Names of the columns that the caller needs or can use.

    Returns:
        Stripped text, missing where a cell is empty. The index is the number of each row in the file. Its name says
        what is counted: `line` is the line on which the row begins, blank lines included; a Parquet file has `row`,
        which starts at 1.

    Raises:
        DataError: The file is missing, empty or not readable, or two columns have one name.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path}; give a .csv, .tsv or .parquet file.")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".parquet"):
        raise DataError(f"{path} is not a table; give a .csv, .tsv or .parquet file.")
    try:
        table = _read_parquet(path, known) if suffix == ".parquet" else _read_text(path, known)
    except UnicodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text{_first_foreign_line(path)}; save it as UTF-8 ('CSV UTF-8' in Excel)."
        ) from error
    except DataError:
        raise
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as a table ({_first_line(error)}); correct it.") from error
    if table.empty:
        raise DataError(f"{path} has no rows; it needs one row per patch.")
    return table


def used_columns(
    path: Path, table: pd.DataFrame, known: Collection[str], names: Mapping[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns of a table under the names that the format gives them, and the names of the other columns.

    Args:
        path: File of the table, for messages.
        table: The table.
        known: Names of the columns that the format uses.
        names: Name of a column in the table by its name in the format, where they differ (`--column`).

    Raises:
        SettingError: `names` has a column that the format does not use, or that the table does not have.
    """
    for name, in_table in names.items():
        if name not in known:
            raise SettingError(f"--column names {shown(name)}, which is not used; it can name {', '.join(known)}.")
        if in_table not in table.columns:
            near = difflib.get_close_matches(in_table, table.columns, n=1, cutoff=0.5)
            guess = f"did you mean {shown(near[0])}? " if near else ""
            raise SettingError(
                f"--column {name}={in_table}: {path} has no such column; {guess}Its columns are {_in_words(table)}."
            )
    found = {name: names.get(name, name) for name in known if names.get(name, name) in table.columns}
    used = pd.DataFrame({name: table[in_table] for name, in_table in found.items()}, index=table.index)
    return used, [name for name in table.columns if name not in found.values()]


def refuse_missing_columns(path: Path, table: pd.DataFrame, used: pd.DataFrame, required: Collection[str]) -> None:
    """Raise an error if a column is missing.

    Args:
        path: File of the table.
        table: The table as in the file.
        used: The columns that the format uses.
        required: Names of the columns that the format requires.

    Raises:
        DataError: A required column is missing. The message lists the columns of the table.
    """
    if missing := [name for name in required if name not in used.columns]:
        way_out = " ".join(f"--column {name}=NAME" for name in missing)
        hint = f" Are its columns separated by {listing(SEPARATORS.values())}?" if table.shape[1] == 1 else ""
        raise DataError(
            f"{path} has no column {' and '.join(missing)}; its columns are {_in_words(table)}. "
            f"If a column has another name, give it: {way_out}.{hint}"
        )


def _in_words(table: pd.DataFrame) -> str:
    return listing(map(shown_path, table.columns))


def _read_text(path: Path, known: Collection[str]) -> pd.DataFrame:
    with path.open(encoding=_encoding(path), newline="") as file:
        separator = _separator(path, file, known)
        records = _records(path, file, separator)
        header = _header(records)
        if not any(header):
            raise DataError(f"{path} is empty; it needs a header with the names of the columns, and one row per patch.")
        n_named = max(position for position, name in enumerate(header, start=1) if name)
        chunks, problems = [], list[str]()
        rows = _complete_rows(records, len(header), n_named, separator, problems)
        while chunk := list(islice(rows, _CHUNK)):
            lines, cells = zip(*chunk, strict=True)
            columns = zip(*cells, strict=True)
            data = {i: pd.Series(column, dtype=_TEXT_TYPE).str.strip().array for i, column in enumerate(columns)}
            chunks.append(pd.DataFrame(data, index=pd.Index(lines, dtype="int64", name="line")))
    if problems:
        raise ProblemsError(path, problems)
    return _named(path, pd.concat(chunks) if chunks else pd.DataFrame(), header)


def _complete_rows(
    records: Iterator[tuple[int, list[str]]], width: int, n_named: int, separator: str, problems: list[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with one cell per column. A row with too few or too many cells becomes a problem."""
    for line, cells in records:
        n = len(cells)
        if n == width:
            yield line, cells
        elif n < n_named or any(cell.strip() for cell in cells[width:]):
            hint = "; put a value that contains the separator in quotation marks" if n > width else ""
            problems.append(
                f"line {line}: it has {n} cell{'s' * (n > 1)} separated by {SEPARATORS[separator]}, "
                f"and the header has {width}{hint}"
            )
        else:
            yield line, [*cells[:width], *[""] * (width - n)]


def _records(path: Path, file: TextIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each row begins, and its cells. Rows of empty cells are passed over."""
    file.seek(0)
    first = 1
    if _SEPARATOR_LINE.fullmatch(file.readline()):
        first = 2
    else:
        file.seek(0)
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line = first + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{path} line {line} cannot be read ({error}); correct its quotation marks.") from error
        if any(cells):
            yield line, cells


def _header(records: Iterator[tuple[int, list[str]]]) -> list[str]:
    """Return the names in the first row; empty text where a column has none."""
    return [nfc(name.strip()) for name in next(records, (0, []))[1]]


def _separator(path: Path, file: TextIO, known: Collection[str]) -> str:
    """Return the separator that the first line names, or the one under which the header has most known names."""
    if named := _SEPARATOR_LINE.fullmatch(file.readline()):
        if named[1] not in SEPARATORS:
            raise DataError(f"{path} is separated by {shown(named[1])}; separate it by commas, semicolons or tabs.")
        return named[1]
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    fits: dict[str, tuple[int, int]] = {}
    refused: DataError | None = None
    for separator in dict.fromkeys((usual, *SEPARATORS)):
        try:
            header = _header(_records(path, file, separator))
        except DataError as error:  # the quotation marks do not fit this separator
            refused = refused or error
            continue
        fits[separator] = len(set(known).intersection(header)), len(header)
    if not fits and refused:
        raise refused
    return max(fits, key=lambda separator: fits[separator])


def _named(path: Path, table: pd.DataFrame, header: list[str]) -> pd.DataFrame:
    """Return a table with its header, and missing values where it has empty text."""
    if table.empty:
        return table
    table = table.apply(lambda texts: texts.mask(texts.eq("").fillna(False).astype(bool)))
    table = table[table.notna().any(axis=1)]
    first: dict[str, int] = {}
    for position, name in enumerate(header, start=1):
        if name and first.setdefault(name, position) != position:
            raise DataError(
                f"{path} has two columns {shown(name)} (columns {first[name]} and {position}); rename or remove one."
            )
    kept = [i for i, name in enumerate(header) if name or table.iloc[:, i].notna().any()]
    table = table.iloc[:, kept]
    table.columns = pd.Index([header[i] or f"column {i + 1}" for i in kept], dtype=object)
    return table


def _read_parquet(path: Path, known: Collection[str]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(str(path))
        columns = {}
        for i, field in enumerate(found.schema):
            if pa.types.is_nested(field.type) or "binary" in str(field.type):
                if field.name.strip() in known:
                    raise DataError(f"{path}: its column {field.name} holds {field.type}; store it as text or numbers.")
                columns[i] = pd.Series(pd.NA, index=range(len(found)), dtype=_TEXT_TYPE).array
            else:
                columns[i] = found.column(i).to_pandas().astype(_TEXT_TYPE).str.strip().array
    except pa.ArrowException as error:
        raise DataError(f"{path} cannot be read as a table ({_first_line(error)}); correct it.") from error
    table = pd.DataFrame(columns, index=pd.RangeIndex(1, len(found) + 1, name="row"))
    return _named(path, table, [nfc(field.name.strip()) for field in found.schema])


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:  # UTF-16 without its mark would be valid UTF-8 with NULs between the letters
        raise UnicodeError
    return "utf-8-sig"


def _first_foreign_line(path: Path) -> str:
    """Return where a file is not UTF-8, in words; empty where that is not known."""
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        n_before = len(re.findall(rb"\r\n?|\n", error.object[: error.start]))
        return f" (see line {n_before + 1})"
    return ""


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
