"""Search for images in folders. Whatever it cannot enter or does not use is named."""

import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from cellbench.errors import DataError, printable
from cellbench.errors import listing as listing  # importers find it here
from cellbench.importers.images import SUFFIXES
from cellbench.importers.names import name_fault, nfc

UNREAD_SUFFIXES = frozenset(
    {".avif", ".czi", ".dcm", ".gif", ".heic", ".jfif", ".jp2", ".jpe", ".ndpi", ".pgm", ".ppm", ".psd", ".svs"}
)
"""Suffixes of images that no importer reads."""
SYSTEM_NAMES = frozenset(
    {
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        ".ds_store",
        ".ipynb_checkpoints",
        ".thumbnails",
        "@eadir",
        "@recycle",
        "@tmp",
        "__macosx",
        "__pycache__",
        "desktop.ini",
        "lost+found",
        "recycler",
        "system volume information",
        "thumbnails",
        "thumbs",
        "thumbs.db",
        "~snapshot",
    }
)
"""Lower-case names of thumbnails, deleted files and settings that file servers and desktops put beside images."""
MASK_FOLDERS = ("masks", "mask", "contours", "contour", "segmentation", "segmentations")
"""Names of the folder of contour masks beside images/."""


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Attributes:
        paths: Files, sorted by path. A dead link and a file without permission are among them; a reader names them.
        problems: Sentences on what prevents the import, for `Manifest.problems`.
        remarks: Sentences on what was skipped, for `Manifest.remarks`.
    """

    paths: list[Path]
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def existing_folder(path: Path) -> Path:
    """Return the path of an existing folder.

    Raises:
        DataError: The path does not exist, is a file, or may not be read.
    """
    shown = printable(str(path))
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"There is no folder {shown}; give the folder that contains the images.") from error
    except OSError as error:
        raise DataError(
            f"The folder {shown} cannot be opened ({error.strerror}); give a folder you can read."
        ) from error
    if not is_folder:
        raise DataError(f"{shown} is a file; give the folder that contains the images.")
    if not os.access(path, os.R_OK | os.X_OK):
        raise DataError(f"The folder {shown} may not be read; change its permissions, or copy it.")
    return path


def find_images(folder: Path, also: frozenset[str] = frozenset(), root: Path | None = None) -> Found:
    """Return all images under a folder.

    Args:
        folder: The folder.
        also: Suffixes of other files to return, in lower case.
        root: Sentences name files relative to this folder. Default: `folder`.

    Raises:
        DataError: The folder does not exist, may not be read, or contains no image.
    """
    found = find_files(folder, SUFFIXES | also, root)
    if not found.problems and not any(path.suffix.lower() in SUFFIXES for path in found.paths):
        known = ", ".join(sorted(SUFFIXES))
        sentence = f"There is no image in {printable(str(folder))}; known suffixes: {known}."
        raise DataError(" ".join([sentence, *found.remarks]))
    return found


def find_files(folder: Path, suffixes: frozenset[str], root: Path | None = None) -> Found:
    """Return all files with one of the suffixes under a folder.

    Links to folders are followed. Hidden files, thumbnails and deleted files are skipped and counted.

    Args:
        folder: The folder.
        suffixes: Suffixes in lower case, with the dot.
        root: Sentences name files relative to this folder. Default: `folder`.

    Raises:
        DataError: The folder does not exist, or may not be read.
    """
    walk = _Walk(existing_folder(folder), suffixes, root or folder)
    first: dict[str, str] = {}
    for where, folders, names in os.walk(folder, onerror=walk.add_error, followlinks=True):
        other = first.setdefault(os.path.realpath(where), where)
        if other != where:
            walk.add_same(where, other)
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not walk.skips(name) and walk.has_valid_name(where, name))
        walk.add_files(where, [name for name in names if not walk.skips(name)], is_leaf=not folders)
    return walk.found()


class _Walk:
    """What a search has met so far."""

    def __init__(self, folder: Path, suffixes: frozenset[str], root: Path) -> None:
        self.suffixes, self.root, self.folder = suffixes, root, folder
        self.paths: list[Path] = []
        self.problems: list[str] = []
        self.others, self.hidden = Counter[str](), Counter[str]()
        self.closed: list[str] = []
        self.cycles: list[str] = []
        self.unused: list[str] = []

    def short(self, *parts: str) -> str:
        return printable(Path(*parts).relative_to(self.root).as_posix())

    def add_error(self, error: OSError) -> None:
        self.problems.append(f"{self.short(error.filename)}: the folder cannot be opened ({error.strerror})")

    def add_same(self, where: str, other: str) -> None:
        if Path(other) in Path(where).parents:
            self.cycles.append(self.short(where))
        else:
            self.problems.append(
                f"{self.short(where)}: it is the same folder as {self.short(other)}, because one is a link; "
                "remove the link"
            )

    def skips(self, name: str) -> bool:
        """Return whether a file or folder is passed over by its name, and count it."""
        is_known = name.lower() in SYSTEM_NAMES
        if is_known or name.startswith("."):
            self.hidden[name if is_known else "._*" if name.startswith("._") else ".*"] += 1
        return is_known or name.startswith(".")

    def has_valid_name(self, *parts: str) -> bool:
        """Return whether a name can be shown and stored. Otherwise it becomes a problem."""
        if fault := name_fault(parts[-1]):
            self.problems.append(f"{self.short(*parts)}: its name {fault}; rename it")
        return not fault

    def add_files(self, where: str, names: list[str], is_leaf: bool) -> None:
        spellings: dict[str, str] = {}
        is_used = False
        for name in sorted(names):
            path, suffix = Path(where, name), Path(name).suffix.lower()
            if suffix in self.suffixes:
                is_used = True
                if self.has_valid_name(where, name) and self._is_alone(path, spellings) and self._is_plain(path):
                    self.paths.append(path)
            elif not (reason := _closed(path)):
                self.others[printable(suffix) or "no suffix"] += 1
            elif suffix:
                self.closed.append(self.short(where, name))
            else:
                self.problems.append(
                    f"{self.short(where, name)}: it cannot be opened ({reason}) and may be a link to a folder of "
                    "images; restore the folder, or remove the link"
                )
        if is_leaf and not is_used and Path(where) != self.folder:
            self.unused.append(self.short(where))

    def _is_alone(self, path: Path, spellings: dict[str, str]) -> bool:
        is_alone = spellings.setdefault(nfc(path.name), path.name) == path.name
        if not is_alone:
            self.problems.append(
                f"{self.short(str(path))}: two files have this name in two Unicode spellings; remove or rename one"
            )
        return is_alone

    def _is_plain(self, path: Path) -> bool:
        """Return whether reading can end. A pipe or a device can block for ever."""
        try:
            is_plain = stat.S_ISREG(path.stat().st_mode)
        except OSError:
            return True  # a dead link, or no permission: the reader names the reason
        if not is_plain:
            self.problems.append(f"{self.short(str(path))}: it is a pipe, socket or device, not a file; remove it")
        return is_plain

    def found(self) -> Found:
        images = Counter({suffix: n for suffix, n in self.others.items() if suffix in UNREAD_SUFFIXES})
        unread = f"Skipped images in formats that are not read: {_counts(images)}; convert them to PNG."
        sentences = {
            f"Skipped hidden files, thumbnails and deleted files: {_counts(self.hidden)}.": self.hidden,
            unread: images,
            f"Skipped files that are not images: {_counts(self.others - images)}.": self.others - images,
            f"Skipped files that cannot be opened: {listing(self.closed)}.": self.closed,
            f"Skipped links that lead back to a folder above them: {listing(self.cycles)}.": self.cycles,
            f"Folders in which nothing was read: {listing(self.unused)}.": self.unused,
        }
        return Found(sorted(self.paths), self.problems, [text for text, items in sentences.items() if items])


def _closed(path: Path) -> str | None:
    """Return why a file of a folder cannot be reached, for example because it is a link to nothing, or None."""
    try:
        path.stat()
    except OSError as error:
        return error.strerror
    return None


def _counts(numbers: Counter[str]) -> str:
    return listing([f"{n} × {kind}" for kind, n in sorted(numbers.items())])


def by_stem(images: list[Path]) -> dict[str, list[Path]]:
    """Return the images of each stem: the file name without its suffix, in the Unicode form NFC."""
    stems: dict[str, list[Path]] = {}
    for path in images:
        stems.setdefault(nfc(path.stem), []).append(path)
    return stems
