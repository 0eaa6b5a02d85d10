"""The fingerprint of a data set, and the check of its files against it."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.disk import explained, write_text
from cellbench.errors import DataError
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
    present = {
        str(path): [path.stat().st_size, path.stat().st_mtime_ns]
        for path in (patch_set.path / name for name in _FILES)
        if path.exists()
    }
    with suppress(OSError, ValueError):  # no valid note: check the files
        if json.loads(note.read_text(encoding="utf-8")) == present:
            return
    _check(patch_set)
    with explained(note):
        cache_dir.mkdir(parents=True, exist_ok=True)
        write_text(note, json.dumps(present, indent=1) + "\n")


def _check(patch_set: PatchSet) -> None:
    card, index = patch_set.card, patch_set.index
    noted = index["content_hash"].to_numpy()
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter lock
        found = np.array(list(pool.map(_digest, patch_set.patches)), dtype=object)
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


def _digest(patch: NDArray[np.uint8]) -> str:
    return hashlib.sha256(patch.tobytes()).hexdigest()
