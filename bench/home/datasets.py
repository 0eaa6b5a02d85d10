"""Lists, opens, checks and removes the data sets of the user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.home.paths import cache_dir, datasets_dir
from cellbench.disk import explained, file_lock, temporary_name
from cellbench.errors import DataError, NotFoundError, SettingError
from cellbench.registry import nearest

if TYPE_CHECKING:
    from cellbench.dataset_identity import DatasetIdentity
    from cellbench.patches import DataGuard, PatchSet


def check_dataset_name(name: str) -> str:
    """Return a name that is valid as the name of a folder.

    Raises:
        SettingError: The name is not valid.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise SettingError(
            f"'{name}' cannot be the name of a data set; use up to 64 letters, digits, '-', '_' and '.', "
            "and start with a letter or digit."
        )
    return name


def dataset_names() -> list[str]:
    """Return the names of all data sets of the user, sorted."""
    folder = datasets_dir()
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def builtin_names() -> list[str]:
    """Return the names of the built-in data sets, which are drawn on first use."""
    from cellbench.marrow import BUILTIN

    return sorted(BUILTIN)


def open_dataset(name: str) -> PatchSet:
    """Return a data set of the user by name. A built-in data set is drawn on first use.

    Raises:
        NotFoundError: The data set is unknown.
        DataError: The folder of the data set is damaged.
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
        with file_lock(datasets_dir() / f".{name}.lock"):  # one of two searches draws it, the other waits
            if not path.exists():
                from bench.terminal.console import note

                note(f"Drawing the data set {name}, only once. This takes half a minute for marrow-mini.")
                make_builtin(name, path)
    return PatchSet.open(path)


def reopen_dataset(expected: DatasetIdentity) -> DataGuard:
    """Open the data set that a search was started on, after a check that it has not changed.

    Raises:
        ChangedDataError: The data set is missing, damaged or changed.
    """
    from cellbench.patches import DataGuard

    return DataGuard(expected, cache_dir())


def remove_dataset(name: str) -> None:
    """Remove a data set, even a damaged one, and what is cached for it. The count of looks at its holdout stays."""
    import shutil

    from cellbench.patches.card import Card

    path = datasets_dir() / check_dataset_name(name)
    try:
        copies = list(cache_dir().glob(f"{Card.read(path / 'card.yaml').fingerprint[:16]}-*"))
    except DataError:
        copies = []  # the card is damaged, so the copies stay until the cache is emptied
    with explained(path):
        hidden = temporary_name(path)
        path.replace(hidden)  # so that no half-removed data set is left
        for copy in copies:
            copy.unlink(missing_ok=True)
        shutil.rmtree(hidden)
