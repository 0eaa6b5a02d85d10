"""Problems of the data of an import, remarks on them, and how a message shows them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import SHOWN, ListingError, listing, printable

_LIKE_MISSING = frozenset({"na", "n/a", "#n/a", "nan", "none", "null", "<na>"})
_VALUE_CHARACTERS, _PATH_CHARACTERS = 60, 300


class ProblemsError(ListingError):
    """The data of an import have problems. The message shows the first 20.

    Args:
        path: Folder or file of the import.
        problems: Sentences without a final period, at least one.

    Attributes:
        path: Folder or file of the import.
        problems: All sentences.
    """

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = problems
        n, hint = len(problems), "Correct or remove the files named, then add the data set again."
        where = printable(str(path))
        if n == 1:
            super().__init__(f"{where} has 1 problem, so nothing was written: {problems[0]}. {hint}")
            return
        others = [f"and {n - SHOWN} more"] if n > SHOWN else []
        lines = "\n  ".join([*problems[:SHOWN], *others])
        super().__init__(f"{where} has {n} problems, so nothing was written:\n  {lines}\n{hint}")


def remarks_on_names(table: pd.DataFrame) -> list[str]:
    """Return a remark on each class or group that is called like a missing value, for example NA.

    Args:
        table: The columns `label` and, optionally, `group`.
    """
    remarks = []
    for column, kind in (("label", "class"), ("group", "group")):
        names = table[column].dropna().unique() if column in table.columns else ()
        if odd := [name for name in names if name.lower() in _LIKE_MISSING]:
            remarks.append(f"A {kind} is called {listing(odd)}. If this stands for a missing value, leave it out.")
    return remarks


def misplaced(
    table: pd.DataFrame, heights: NDArray[np.int64], widths: NDArray[np.int64], short: Callable[[str], str]
) -> list[str]:
    """Return a problem for each centre outside its image, and for each radius above the longer side of its image.

    Args:
        table: N patches with `source`, `x`, `y` and `radius_px` in px of the image. An index with a name, for example
            `line`, numbers the rows in the problems.
        heights: Heights of the images in px, shape (N,).
        widths: Widths of the images in px, shape (N,).
        short: Returns the name of a source for messages.
    """
    x, y, radii = (table[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("x", "y", "radius_px"))
    outside = ~((x >= -0.5) & (x <= widths - 0.5) & (y >= -0.5) & (y <= heights - 0.5))
    problems = []
    for row in np.flatnonzero(outside | (radii > np.maximum(heights, widths))).tolist():
        what = f"the centre ({x[row]:g}, {y[row]:g}) lies outside the image"
        if not outside[row]:
            what = f"the radius of {radii[row]:g} px is larger than the image"
        place = f"{table.index.name} {table.index[row]}, " if table.index.name else ""
        source = short(str(table["source"].iat[row]))
        problems.append(f"{place}{source}: {what} of {widths[row]} × {heights[row]} px")
    return problems


def shown(text: str) -> str:
    """Return a value in quotes for a message: on one line, and shortened.

    >>> shown("NA"), len(shown("a" * 5000))
    ("'NA'", 62)
    """
    return f"'{printable(_shortened(text, _VALUE_CHARACTERS))}'"


def shown_path(text: str) -> str:
    """Return a path for a message: on one line, and shortened if it is very long."""
    short = _shortened(text, _PATH_CHARACTERS)
    return short if short.isprintable() else printable(short)


def _shortened(text: str, n_characters: int) -> str:
    return text if len(text) <= n_characters else text[: n_characters - 1] + "…"
