"""What can go wrong, as one family of exceptions.

A user's mistake is a [`CellbenchError`][]: one sentence that names the thing and the way out. Each also
derives from the built-in exception that a caller would catch.
"""


class CellbenchError(Exception):
    """Anything that cellbench refuses to do; its text is one sentence for the user."""


class DataError(CellbenchError, ValueError):
    """Images, labels or a data set on disk are not what they must be."""


class NotFoundError(CellbenchError, LookupError):
    """A name is unknown: of a data set, a method, an importer, a search."""


class SettingError(CellbenchError, ValueError):
    """An option or parameter is unknown, or its value is outside its range."""


class TrainingError(CellbenchError, RuntimeError):
    """A training cannot go on, for example because its loss is no longer finite."""


class StoreError(CellbenchError, OSError):
    """A place to read from or write to cannot be used: no space, no permission, not reachable."""
