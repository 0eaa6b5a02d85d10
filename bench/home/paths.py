"""Where everything a user owns lies: `CELLBENCH_HOME`, by default `~/.cellbench`.

`CELLBENCH_CACHE` moves the resized copies alone, to a disk of each node's own where the home is a shared folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cellbench.errors import SettingError

if TYPE_CHECKING:
    pass


def home() -> Path:
    """Return the folder of everything a user owns; it need not exist yet."""
    named = os.environ.get("CELLBENCH_HOME") or "~/.cellbench"
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError:
        raise SettingError(f"CELLBENCH_HOME ({named}) is the home of a user who does not exist.") from None


def datasets_dir() -> Path:
    """Return the folder of the data sets."""
    return home() / "datasets"


def cache_dir() -> Path:
    """Return the folder of resized copies; it can be emptied at any time."""
    named = os.environ.get("CELLBENCH_CACHE")
    return Path(named).expanduser().absolute() if named else home() / "cache"


def searches_dir() -> Path:
    """Return the folder of the searches."""
    return home() / "searches"
