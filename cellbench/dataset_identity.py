"""The identity of a data set on disk: what a search compares whenever it opens the data set again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CellRadius = float | None | Literal["unrecorded"]
"""Cell radius of a card in native px, None where it has none. `unrecorded` is not compared."""


@dataclass(frozen=True)
class DatasetIdentity:
    """The data set that a search was started on.

    Args:
        path: Its folder.
        fingerprint: Its fingerprint.
        cell_radius_px: Cell radius of its card, which scores inside the cell use. The fingerprint does not cover it.
    """

    path: Path
    fingerprint: str
    cell_radius_px: CellRadius = "unrecorded"
