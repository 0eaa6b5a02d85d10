"""The file that lists all problems of an import, where the terminal shows the first of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bench.home.paths import home
from cellbench.errors import SHOWN, ListingError, StoreError

if TYPE_CHECKING:
    from pathlib import Path


def problems_file(name: str) -> Path:
    """Return the file of the problems of a data set that could not be added."""
    return home() / "problems" / f"{name}.txt"


@contextmanager
def problems_in_file(name: str) -> Iterator[None]:
    """Write all problems of an import to a file if the message cannot show all. An older file is removed.

    Args:
        name: Name of the data set that the block adds.

    Raises:
        ListingError: The block raised a `ProblemsError`. The message names the file, or says why it cannot be written.
    """
    from cellbench.disk import explained, temporary_name
    from cellbench.importers.problems import ProblemsError

    path = problems_file(name)
    with suppress(OSError):
        path.unlink()
    try:
        yield
    except ProblemsError as error:
        if len(error.problems) <= SHOWN:
            raise
        temporary = temporary_name(path)
        try:
            with explained(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
                    file.writelines(f"{problem}\n" for problem in error.problems)
                temporary.replace(path)
        except StoreError as refused:
            with suppress(OSError):
                temporary.unlink()
            raise ListingError(f"{error}\nThe list of all problems could not be written. {refused}") from error
        raise ListingError(f"{error}\nAll {len(error.problems)} problems are listed in {path}.") from error
