"""Looking for images in folders."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cellbench.errors import DataError
from cellbench.importers.images import SUFFIXES


def existing_folder(path: Path) -> Path:
    """Return a folder that is there.

    Raises:
        DataError: If it is not.
    """
    if not path.exists():
        raise DataError(f"There is no folder {path}; give the folder that holds the images.")
    if not path.is_dir():
        raise DataError(f"{path} is a file; give the folder that holds the images.")
    return path


def find_images(folder: Path) -> tuple[list[Path], list[str]]:
    """Return all images under a folder, sorted by path, and remarks on what was passed over.

    Hidden files and folders are not looked at.

    Raises:
        DataError: If there is none.
    """
    found, others = [], Counter[str]()
    for path in find_files(folder):
        if path.suffix.lower() in SUFFIXES:
            found.append(path)
        else:
            others[path.suffix.lower() or "no ending"] += 1
    if not found:
        raise DataError(f"There is no image in {folder}; known endings: {', '.join(sorted(SUFFIXES))}.")
    remarks = []
    if others:
        kinds = ", ".join(f"{n} × {suffix}" for suffix, n in sorted(others.items()))
        remarks.append(f"Files that are no images were passed over: {kinds}.")
    return found, remarks


def find_files(folder: Path) -> list[Path]:
    """Return all files under a folder, sorted by path, through links to folders too; hidden ones are passed over.

    Raises:
        DataError: If there is no such folder.
    """
    found: list[Path] = []
    seen: set[Path] = set()
    for root, folders, names in os.walk(existing_folder(folder), followlinks=True):
        real = Path(root).resolve()
        folders[:] = [name for name in folders if not name.startswith(".") and real not in seen]  # links may go round
        if real not in seen:
            found += [Path(root) / name for name in names if not name.startswith(".")]
        seen.add(real)
    return sorted(path for path in found if path.is_file())


def by_stem(images: list[Path]) -> dict[str, list[Path]]:
    """Return images by file name without its ending."""
    stems: dict[str, list[Path]] = {}
    for path in images:
        stems.setdefault(path.stem, []).append(path)
    return stems


SHOWN = 20


def listing(items: Sequence[str]) -> str:
    """Join items, at most 20 of them.

    >>> listing(["a", "b"])
    'a, b'
    """
    shown = ", ".join(items[:SHOWN])
    return shown if len(items) <= SHOWN else f"{shown}, and {len(items) - SHOWN} more"
