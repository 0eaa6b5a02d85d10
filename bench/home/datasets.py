"""The data sets of the home: list, open, check, remove."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bench.home.paths import cache_dir, datasets_dir
from cellbench.disk import explained, file_lock, temporary_name
from cellbench.errors import DataError, NotFoundError, SettingError
from cellbench.registry import nearest

if TYPE_CHECKING:
    from cellbench.patches import PatchSet


def check_dataset_name(name: str) -> str:
    """Return a name that can be a folder.

    Raises:
        SettingError: If it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise SettingError(
            f"'{name}' cannot be the name of a data set; use up to 64 letters, digits, '-', '_' and '.', "
            "and begin with a letter or digit."
        )
    return name


def dataset_names() -> list[str]:
    """Return the names of all data sets in the home, sorted."""
    folder = datasets_dir()
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def builtin_names() -> list[str]:
    """Return the names of the data sets that are drawn on first use."""
    from cellbench.marrow import BUILTIN

    return sorted(BUILTIN)


def open_dataset(name: str) -> PatchSet:
    """Open a data set of the home by name; a built-in one is made on first use.

    Raises:
        NotFoundError: If there is none of that name.
        DataError: If its folder is damaged.
    """
    from cellbench.patches import PatchSet

    check_dataset_name(name)
    path = datasets_dir() / name
    if not path.is_dir():
        from cellbench.marrow import BUILTIN, make_builtin

        if name not in BUILTIN:
            known = sorted({*dataset_names(), *BUILTIN})
            raise NotFoundError(
                f"There is no data set '{name}' in {datasets_dir()}; {nearest(name, known)} "
                f"Add it with: python -m bench.datasets add {name} --from FORMAT PATH"
            )
        with file_lock(datasets_dir() / f".{name}.lock"):  # two searches at once draw it once
            if not path.exists():
                from bench.terminal.console import note

                note(f"Drawing the data set {name}, this once; marrow-mini takes half a minute, larger ones longer.")
                make_builtin(name, path)
    return PatchSet.open(path)


def reopen_dataset(name: str, path: Path, fingerprint: str, search: str) -> PatchSet:
    """Open the data set that a search was begun on, once it is sure that nobody has changed it.

    Args:
        name: Its name.
        path: Its folder.
        fingerprint: Its fingerprint when the search began.
        search: Name of the search.

    Raises:
        DataError: It is away, damaged, or another.
    """
    from cellbench.patches import PatchSet, check_unchanged

    if not path.is_dir():
        raise DataError(
            f"The data set {name} of the search {search} is not at {path} any more; put it back there, or start a "
            "new search."
        )
    patch_set = PatchSet.open(path)
    if patch_set.card.fingerprint != fingerprint:
        raise DataError(
            f"The data set {name} is not the one that the search {search} was begun on; start a new search."
        )
    check_unchanged(patch_set, cache_dir())
    return patch_set


def remove_dataset(name: str) -> None:
    """Remove a data set and its resized copies, even a damaged one; looks at its holdout stay counted."""
    import shutil

    from cellbench.patches.card import Card

    path = datasets_dir() / check_dataset_name(name)
    try:
        copies = list(cache_dir().glob(f"{Card.read(path / 'card.yaml').fingerprint[:16]}-*"))
    except DataError:
        copies = []  # a damaged card: its copies stay until the cache is emptied
    with explained(path):
        hidden = temporary_name(path)
        path.replace(hidden)  # what is half removed is no data set any more
        for copy in copies:
            copy.unlink(missing_ok=True)
        shutil.rmtree(hidden)
