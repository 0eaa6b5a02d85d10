"""The fingerprint of a data set, and the checks of its files against it."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd

from cellbench.dataset_identity import CellRadius, DatasetIdentity
from cellbench.disk import explained, write_text
from cellbench.errors import ChangedDataError, DataError
from cellbench.input_files import load_json, read_text
from cellbench.patches.index import content_hash
from cellbench.patches.patchset import PatchSet

_COLUMNS = ["content_hash", "label", "group", "in_pool", "in_labelled", "in_holdout", "radius_px"]
_FILES = ("patches.npy", "masks.npy", "index.parquet", "card.yaml")


def fingerprint(index: pd.DataFrame, native_size: int, classes: Sequence[str], mask_digest: bytes) -> str:
    """Return the SHA-256 over everything that results depend on: patches, masks, labels, groups, roles and radii.

    Args:
        index: One row for each patch, with the SHA-256 of its pixels as `content_hash`.
        native_size: Side of a patch in px.
        classes: Scored classes in their order.
        mask_digest: SHA-256 of the bytes of all masks in order; that of no bytes if there are no masks.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(repr((native_size, list(classes))).encode())
    table = index[_COLUMNS]
    for row in table.astype(object).where(table.notna(), None).itertuples(index=False, name=None):
        digest.update(repr(row).encode())
    digest.update(mask_digest)
    return digest.hexdigest()


class DataGuard:
    """Opens the data set of a search, and checks that it stays as it is while it is used.

    Opening compares all files with the fingerprint. Later checks compare sizes and times of the files, in microseconds,
    and read the files again only if one of those differs. A data set that was removed and brought back is accepted. A
    file that was written in place is not, even if its content is right again: what was read meanwhile is not known.

    Args:
        expected: The data set that is expected.
        cache_dir: Folder of the resized copies of all data sets.

    Attributes:
        patch_set: The data set.

    Raises:
        ChangedDataError: The data set is missing, damaged, or is not the expected one.
        StoreError: The note of the check cannot be written.
    """

    def __init__(self, expected: DatasetIdentity, cache_dir: Path) -> None:
        self._expected, self._cache_dir = expected, cache_dir
        self._stamp = _stamp(expected.path)
        self.patch_set = self._opened()
        self.check()

    def check(self) -> None:
        """Check that the data set is still the expected one.

        Raises:
            ChangedDataError: It is missing, damaged or changed.
        """
        while (present := _stamp(self._expected.path)) != self._stamp:
            self._opened()
            for file, (_, written, _, inode) in present.items():
                _, before, _, known = self._stamp.get(file, (0, written, 0, inode))
                if inode == known and written != before:
                    raise ChangedDataError(f"{file} was written while it was in use; it has its content again.")
            self._stamp = present  # and look again: it may have changed while it was read

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Check after a block that the data set did not change in it. An error that the change caused is replaced.

        Raises:
            ChangedDataError: The data set is missing, damaged or changed.
        """
        try:
            yield
        except Exception:
            self.check()
            raise
        self.check()

    def _opened(self) -> PatchSet:
        expected = self._expected
        if not expected.path.is_dir():
            raise ChangedDataError(f"The data set {expected.path} is missing; restore it.")
        try:
            patch_set = PatchSet.open(expected.path)
            card = patch_set.card
            if card.fingerprint != expected.fingerprint:
                raise ChangedDataError(
                    f"{expected.path} is not the data set that the search was started on: its patches, labels, groups "
                    "or roles are others. Restore that data set, or start a new search."
                )
            if expected.cell_radius_px not in ("unrecorded", card.cell_radius_px):
                raise ChangedDataError(
                    f"The cell radius of the data set {expected.path} is now {_in_words(card.cell_radius_px)}; the "
                    f"search was started with {_in_words(expected.cell_radius_px)}. Restore its card.yaml, or start a "
                    "new search."
                )
            check_unchanged(patch_set, self._cache_dir)
        except ChangedDataError:
            raise
        except DataError as error:
            raise ChangedDataError(str(error)) from error
        except FileNotFoundError as error:  # removed while it was read
            raise ChangedDataError(f"The data set {expected.path} is missing; restore it.") from error
        return patch_set


def check_unchanged(patch_set: PatchSet, cache_dir: Path) -> None:
    """Check that patches, masks and index match the fingerprint of the card.

    The check reads all files, at about a second per GB. It notes their sizes and times in `cache_dir`, so that the next
    check of unchanged files takes milliseconds.

    Args:
        patch_set: The data set.
        cache_dir: Folder of the resized copies of all data sets.

    Raises:
        DataError: A file does not match. The message names it.
        StoreError: The note cannot be written.
    """
    note = cache_dir / f"{patch_set.card.fingerprint[:16]}-unchanged.json"
    present = _stamp(patch_set.path)
    with suppress(OSError, ValueError):  # no valid note: check the files
        if load_json(read_text(note)) == present:
            return
    _check(patch_set)
    with explained(note):
        cache_dir.mkdir(parents=True, exist_ok=True)
        write_text(note, json.dumps(present, indent=1) + "\n")


def _stamp(path: Path) -> dict[str, list[int]]:
    """Return size and times of each file of a data set. The time of the last change cannot be set back by a program."""
    found = {}
    for file in (path / name for name in _FILES):
        with suppress(FileNotFoundError, NotADirectoryError):
            status = file.stat()
            found[str(file)] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    return found


def _in_words(radius_px: CellRadius) -> str:
    return f"{radius_px:g} px" if isinstance(radius_px, float) else "unknown"


def _check(patch_set: PatchSet) -> None:
    card, index = patch_set.card, patch_set.index
    noted = index["content_hash"].to_numpy()
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter lock
        found = np.array(list(pool.map(content_hash, patch_set.patches)), dtype=object)
    if (changed := np.flatnonzero(noted != found)).size:
        raise DataError(
            f"{patch_set.path / 'patches.npy'} was changed since the data set was made: {changed.size} of "
            f"{len(found)} patches differ (the first: row {changed[0]}). Restore it, or add the data set again."
        )
    masks = hashlib.sha256()
    for mask in patch_set.masks if patch_set.masks is not None else ():
        masks.update(mask.tobytes())
    if fingerprint(index, card.native_size, card.classes, masks.digest()) != card.fingerprint:
        which = "index.parquet" if patch_set.masks is None else "index.parquet or masks.npy"
        raise DataError(
            f"{patch_set.path} was changed since the data set was made: labels, groups, roles, radii or contours "
            f"({which}) are not those of its fingerprint. Restore them, or add the data set again."
        )
