"""Looking for images in folders."""

from collections import Counter
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
    for path in sorted(existing_folder(folder).rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
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


def by_stem(images: list[Path]) -> dict[str, list[Path]]:
    """Return images by file name without its ending."""
    stems: dict[str, list[Path]] = {}
    for path in images:
        stems.setdefault(path.stem, []).append(path)
    return stems
