"""Exceptions of cellbench, and lists in their messages.

Every error that a user can correct is a [`CellbenchError`][]. Its message says what is wrong, where, and what to do.
Each class also derives from the built-in exception that a caller would catch.
"""

from collections.abc import Iterable


class CellbenchError(Exception):
    """Base class of the exceptions of cellbench. The message is written for the user."""


class DataError(CellbenchError, ValueError):
    """Images, labels or a data set on disk are invalid."""


class ListingError(DataError):
    """A message of several lines. Each line is escaped by `printable` before it becomes part of the message."""


class NotFoundError(CellbenchError, LookupError):
    """A name is unknown, for example of a data set, a method, an importer or a search."""


class SettingError(CellbenchError, ValueError):
    """An option or parameter is unknown, or its value is not allowed."""


class TrainingError(CellbenchError, RuntimeError):
    """A training cannot continue, for example because its loss is not finite."""


class StoreError(CellbenchError, OSError):
    """A storage location cannot be used: it is full, not permitted or not reachable."""


class ChangedDataError(DataError, StoreError):
    """A data set in use is missing, damaged or changed. The work can go on when the data set is as it was."""


SHOWN = 20
"""Number of items that a message lists."""


def listing(items: Iterable[object], separator: str = ", ") -> str:
    """Return the items of a message, at most 20 of them and the number of the others.

    >>> listing(["a", "b"])
    'a, b'
    """
    texts = [str(item) for item in items]
    shown = separator.join(texts[:SHOWN])
    return shown if len(texts) <= SHOWN else f"{shown}{separator}and {len(texts) - SHOWN} more"


def printable(text: str) -> str:
    r"""Return a text in one line of UTF-8. Other bytes and control characters are shown as escapes.

    Names come from data that a stranger may have made: an escape sequence could change or forge what a terminal shows.

    >>> print(printable("a\n"), printable(b"Zelle_\xe4.png".decode(errors="surrogateescape")))
    a\n Zelle_\xe4.png
    """
    known = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in known)
