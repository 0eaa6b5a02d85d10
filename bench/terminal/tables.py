"""Tables of text for terminals of any width.

Rich lays out each cell several times, which takes 2 ms for each row and leaves a narrow terminal unreadable. Here a
table that is too wide becomes one block of lines for each row.
"""

import re
import textwrap
from collections.abc import Sequence

from bench.terminal.console import console
from cellbench.errors import printable

GAP = "  "
MIN_LAST = 18
"""Narrowest last column. Where less is left beside the other columns, rows become blocks."""
EMPTY = "–"
"""A cell without a value; a block leaves it out."""
_NO_BREAK = "\N{NO-BREAK SPACE}"
_AFTER_WORD = re.compile("(?<!,) ")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as wide as the terminal; piped output is 120 characters wide.

    Args:
        columns: Headings. The last column is the only one that is wrapped.
        rows: One text for each column; markup is printed as it is.
    """
    header, body = table_lines(columns, rows, console().width)
    for line in header:
        console().print(line, style="bold", markup=False, soft_wrap=True)
    console().file.write("\n".join([*body, ""]))  # Rich would lay out and escape each line again


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> tuple[list[str], list[str]]:
    """Return the lines of the heading and of the rows; without a heading, each row is a block.

    Args:
        columns: Headings.
        rows: One text for each column.
        width: Width of the terminal in characters. Only words that are longer, such as names, exceed it.
    """
    cells = [[printable(text) for text in row] for row in rows]
    widths = [max(map(_cells, column)) for column in zip(columns, *cells, strict=True)]
    left = width - sum(widths[:-1]) - len(GAP) * (len(columns) - 1)
    if left < min(MIN_LAST, widths[-1]):
        return [], [line for row in cells for line in _block(columns, row, width)]
    sizes = [*widths[:-1], left]
    return _row(columns, sizes), [line for row in cells for line in _row(row, sizes)]


def _row(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the lines of a row, of which only the last column has more than one."""
    first, *further = _wrapped([_bound(row[-1], widths[-1])], widths[-1])
    start = "".join(text + " " * (size - _cells(text)) + GAP for text, size in zip(row[:-1], widths, strict=False))
    return [f"{start}{first}".rstrip(), *(" " * _cells(start) + line for line in further)]


def _block(columns: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    """Return a row as pairs of heading and text; all lines but the first are indented."""
    width -= len(GAP)
    shown = [(name, text) for name, text in zip(columns, row, strict=True) if text not in ("", EMPTY)]
    first, *further = _wrapped([f"{name} {_bound(text, width)}" for name, text in shown], width)
    return [first, *(f"{GAP}{line}" for line in further)]


def _wrapped(parts: Sequence[str], width: int) -> list[str]:
    """Return lines that hold as many parts as fit. A longer part is broken at its spaces."""
    lines = [""]
    for part in parts:
        joined = f"{lines[-1]}{GAP}{part}" if lines[-1] else part
        if _cells(joined) <= width:
            lines[-1] = joined
            continue
        broken = textwrap.wrap(part, width, break_long_words=False, break_on_hyphens=False)
        lines[-1:] = [*filter(None, lines[-1:]), *broken]
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _bound(text: str, width: int) -> str:
    """Return a text that is broken after commas only, if what stands between them is short enough."""
    is_short = max(map(_cells, text.split(", "))) < width
    return _AFTER_WORD.sub(_NO_BREAK, text) if is_short else text


def _cells(text: str) -> int:
    """Return the width of a text on a terminal, where some characters take two columns."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
