"""Where files are: those of the user in `CELLBENCH_HOME`, by default `~/.cellbench`.

`CELLBENCH_CACHE` moves only the resized copies, for example to a local disk of each node of a cluster.
"""

from __future__ import annotations

import os
from pathlib import Path

from cellbench.errors import SettingError


def home() -> Path:
    """Return the folder of all files of the user. It may not exist yet.

    Raises:
        SettingError: `CELLBENCH_HOME` names the home of an unknown user.
    """
    named = os.environ.get("CELLBENCH_HOME") or "~/.cellbench"
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError:
        raise SettingError(f"CELLBENCH_HOME ({named}) is the home of an unknown user; set it to a folder.") from None


def datasets_dir() -> Path:
    """Return the folder of the data sets."""
    return home() / "datasets"


def cache_dir() -> Path:
    """Return the folder of resized copies. It can be emptied at any time."""
    named = os.environ.get("CELLBENCH_CACHE")
    return Path(named).expanduser().absolute() if named else home() / "cache"


def searches_dir() -> Path:
    """Return the folder of the searches."""
    return home() / "searches"


def spaces_dir() -> Path:
    """Return the folder of the search spaces that are installed with the program."""
    return Path(__file__).resolve().parents[2] / "search_spaces"
