"""Counts how often the holdout of each data set was used for a score: its looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from cellbench.disk import explained, file_lock, write_text
from cellbench.errors import SettingError
from cellbench.input_files import load_json, read_bytes

if TYPE_CHECKING:
    from cellbench.patches import PatchSet


def holdout_looks(patch_set: PatchSet) -> int:
    """Return the number of looks at the holdout of a data set."""
    return _read_looks(_looks_path(patch_set)).get(_holdout_of(patch_set), 0)


def count_holdout_look(patch_set: PatchSet) -> int:
    """Count one more look at the holdout, and return the number of looks.

    The counter is beside the data sets and counts by fingerprint, so adding the same data under another name does not
    reset it. A data set that was made from another shares its count, because their cells are the same.
    """
    path, holdout = _looks_path(patch_set), _holdout_of(patch_set)
    with file_lock(path.with_suffix(".lock")):
        looks = _read_looks(path)
        looks[holdout] = looks.get(holdout, 0) + 1
        write_text(path, json.dumps(looks, indent=1) + "\n")
    return looks[holdout]


def _holdout_of(patch_set: PatchSet) -> str:
    return patch_set.card.origin or patch_set.card.fingerprint


def _looks_path(patch_set: PatchSet) -> Path:
    return patch_set.path.parent / ".holdout-looks.json"


def _read_looks(path: Path) -> dict[str, int]:
    with explained(path):
        try:
            content = read_bytes(path)
        except FileNotFoundError:
            return {}
    try:
        return {str(key): int(value) for key, value in load_json(content.decode("utf-8")).items()}
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise SettingError(
            f"{path} is damaged, so looks at the holdout cannot be counted. Repair it, or remove it: the count then "
            "starts again at 0 for all data sets."
        ) from error
