"""Where files are: those of the user in `CELLBENCH_HOME`, by default `~/.cellbench`.

`CELLBENCH_CACHE` moves only the cache of resized copies and floors, for example to a local disk of each cluster node.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from cellbench.errors import SettingError


def home() -> Path:
    """Return the folder of all files of the user. It may not exist yet.

    Raises:
        SettingError: The user has no home folder, and `CELLBENCH_HOME` names no other.
    """
    return _folder("CELLBENCH_HOME") or user_home("CELLBENCH_HOME") / ".cellbench"


def user_home(*others: str) -> Path:
    """Return the user's home folder. It need not exist.

    Args:
        others: Variables that can be set in place of `HOME`, for the message.

    Raises:
        SettingError: The user has no home folder, as a user of a container that only has a number.
    """
    try:
        return Path.home()
    except RuntimeError:
        raise SettingError(
            f"This user has no home folder; set {' or '.join(('HOME', *others))} to a folder that can be written."
        ) from None


def _folder(variable: str) -> Path | None:
    """Return the folder that a variable of the environment names, or None."""
    named = os.environ.get(variable)
    if not named:
        return None
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError:
        raise SettingError(f"{variable} ({named}) is the home of an unknown user; set it to a folder.") from None


def datasets_dir() -> Path:
    """Return the folder of the data sets."""
    return home() / "datasets"


def cache_dir() -> Path:
    """Return the folder of resized copies and of floors. It can be emptied at any time."""
    return _folder("CELLBENCH_CACHE") or home() / "cache"


def searches_dir() -> Path:
    """Return the folder of the searches."""
    return home() / "searches"


def spaces_dir() -> Path:
    """Return the folder of the search spaces that are installed with the program."""
    return Path(__file__).resolve().parents[2] / "search_spaces"


def is_search_name(name: str) -> bool:
    """Return whether a search can have a name: at most 100 letters, digits, `-`, `_` and `.`, and no other start.

    >>> is_search_name("first-1.0"), is_search_name("-x"), is_search_name("")
    (True, False, False)
    """
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) is not None
