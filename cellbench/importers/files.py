"""Search for images in folders."""

import os
from collections import Counter
from pathlib import Path

from cellbench.errors import DataError
from cellbench.errors import listing as listing  # importers find it here
from cellbench.importers.images import SUFFIXES


def existing_folder(path: Path) -> Path:
    """Return the path of an existing folder.

    Raises:
        DataError: The path does not exist, or is a file.
    """
    if not path.exists():
        raise DataError(f"There is no folder {path}; give the folder that contains the images.")
    if not path.is_dir():
        raise DataError(f"{path} is a file; give the folder that contains the images.")
    return path


def find_images(folder: Path) -> tuple[list[Path], list[str]]:
    """Return all images under a folder, sorted by path, and remarks on skipped files.

    Hidden files and folders are skipped without a remark.

    Raises:
        DataError: The folder does not exist or contains no image.
    """
    found, others = [], Counter[str]()
    for path in find_files(folder):
        if path.suffix.lower() in SUFFIXES:
            found.append(path)
        else:
            others[path.suffix.lower() or "no suffix"] += 1
    if not found:
        raise DataError(f"There is no image in {folder}; known suffixes: {', '.join(sorted(SUFFIXES))}.")
    remarks = []
    if others:
        kinds = ", ".join(f"{n} × {suffix}" for suffix, n in sorted(others.items()))
        remarks.append(f"Skipped files that are not images: {kinds}.")
    return found, remarks


def find_files(folder: Path) -> list[Path]:
    """Return all files under a folder, sorted by path. Links to folders are followed; hidden files are skipped.

    Raises:
        DataError: The folder does not exist.
    """
    found: list[Path] = []
    seen: set[Path] = set()
    for root, folders, names in os.walk(existing_folder(folder), followlinks=True):
        real = Path(root).resolve()
        folders[:] = [
            name for name in folders if not name.startswith(".") and real not in seen
        ]  # links can form a cycle
        if real not in seen:
            found += [Path(root) / name for name in names if not name.startswith(".")]
        seen.add(real)
    return sorted(path for path in found if path.is_file())


def by_stem(images: list[Path]) -> dict[str, list[Path]]:
    """Return the images of each stem, the file name without its suffix."""
    stems: dict[str, list[Path]] = {}
    for path in images:
        stems.setdefault(path.stem, []).append(path)
    return stems
