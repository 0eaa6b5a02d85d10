"""Problems of the data of an import, and how a message shows them."""

from collections.abc import Sequence
from pathlib import Path

from cellbench.errors import SHOWN, DataError
from cellbench.importers.names import printable

_VALUE_CHARACTERS, _PATH_CHARACTERS = 60, 300


class ProblemsError(DataError):
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
