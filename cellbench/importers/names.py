"""Spelling of names: Unicode has several spellings of one text, and file systems keep what they are given."""

import unicodedata
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

MAX_NAME = 255
"""Largest number of characters of the name of a file, class or group."""


def nfc(text: str) -> str:
    """Return a text in the composed Unicode form NFC, in which equal texts are equal strings.

    >>> nfc("Pla\u0308ttchen") == "Pl\u00e4ttchen"
    True
    """
    return unicodedata.normalize("NFC", text)


def name_fault(name: str) -> str | None:
    """Return why the name of a file, class or group is refused, as the end of a sentence, or None.

    >>> name_fault("red" + chr(10) + "cell"), name_fault("Bl\u00e4ttchen")
    ('contains a control character', None)
    """
    if len(name) > MAX_NAME:
        return f"has {len(name)} characters, more than {MAX_NAME}"
    if name.isprintable():
        return None
    categories = {unicodedata.category(character) for character in name}
    if "Cs" in categories:
        return "is not UTF-8 text"
    return "contains a control character" if "Cc" in categories else None


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Return the names that differ in case, spaces or invisible characters alone, in sorted sets of two or more.

    >>> look_alikes(["blast", "Blast ", "monocyte"])
    [['Blast ', 'blast']]
    """

    def key(name: str) -> str:
        return "".join(c for c in name.casefold() if not c.isspace() and unicodedata.category(c) != "Cf")

    sets = [sorted(same) for _, same in groupby(sorted(set(names), key=key), key)]
    return [same for same in sets if len(same) > 1]


def spelled_path(folder: Path, name: str) -> Path | None:
    """Return the path of an existing file or folder that a text names, or None.

    The path as written comes first. Otherwise each of its parts can have another Unicode spelling on disk: macOS
    writes the letter ä as two characters, Linux and Windows write it as one.

    Args:
        folder: Folder of a relative name.
        name: Relative or absolute path.

    Returns:
        The path, spelled as on disk. None if there is no such path, or if several other spellings exist.
    """
    exact = folder / name
    if _exists(exact):
        return exact
    if name.isascii():
        return None
    found = [folder]
    for part in Path(name).parts:
        spellings = dict.fromkeys((part, nfc(part), unicodedata.normalize("NFD", part)))
        found = [path for parent in found for text in spellings if _exists(path := parent / text)]
    return found[0] if len(found) == 1 else None


def _exists(path: Path) -> bool:
    """Return whether a path leads to a file or folder. `Path.exists` raises some errors, for example of permission."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True
