"""The confusion matrices of a representation, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellbench.disk import write_text
from cellbench.errors import DataError
from cellbench.input_files import load_json, read_text


@dataclass(frozen=True, eq=False)
class Confusions:
    """What probes predicted of the labelled patches out of fold.

    Attributes:
        classes: Names of the classes.
        counts: Number of patches, int64, shape (fits, classes, classes): one table for each seed of the encoder and of
            the probe, rows true and columns predicted.
    """

    classes: tuple[str, ...]
    counts: np.ndarray

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Confusions):
            return NotImplemented
        return self.classes == other.classes and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.classes, self.counts.tobytes()))

    def write(self, path: Path) -> None:
        """Write the counts as JSON, atomically.

        Raises:
            StoreError: The file cannot be written.
        """
        write_text(path, self._text() + "\n")

    @classmethod
    def read(cls, path: Path) -> Confusions | None:
        """Return what `write` wrote; None where there is no such file, as in trials of older versions.

        Raises:
            DataError: The file is damaged.
        """
        found = _read(path)
        return None if found is None else cls._checked(found, path)

    def _text(self) -> str:
        return json.dumps({"classes": self.classes, "counts": self.counts.tolist()})

    @classmethod
    def _checked(cls, found: Any, path: Path) -> Confusions:
        try:
            classes, counts = found["classes"], np.asarray(found["counts"])
            named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
            if not named or counts.size == 0 or counts.shape != (len(counts), len(classes), len(classes)):
                raise ValueError("Classes and tables do not belong together.")
            if not np.issubdtype(counts.dtype, np.integer) or counts.min() < 0:
                raise ValueError("A count is not a whole number.")
        except (ValueError, TypeError, KeyError) as error:
            raise _damaged(path) from error
        return cls(tuple(classes), counts.astype(np.int64))


def write_all(path: Path, found: Mapping[str, Confusions]) -> None:
    """Write the counts of several representations as JSON, by name, atomically.

    Raises:
        StoreError: The file cannot be written.
    """
    entries = (f"{json.dumps(name)}: {each._text()}" for name, each in found.items())
    write_text(path, "{" + ",\n".join(entries) + "}\n")


def read_all(path: Path) -> dict[str, Confusions]:
    """Return what `write_all` wrote; nothing where there is no such file.

    Raises:
        DataError: The file is damaged.
    """
    found = _read(path)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _damaged(path)
    return {name: Confusions._checked(each, path) for name, each in found.items()}


def _read(path: Path) -> Any:
    """Return the content of a JSON file; None where it is missing."""
    try:
        return load_json(read_text(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> DataError:
    return DataError(f"{path} is damaged: it has no confusion matrices that can be read. Remove it.")
