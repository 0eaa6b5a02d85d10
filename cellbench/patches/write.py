"""Atomic writing of a data set, patch by patch."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.disk import check_free_space, explained, sweep_leftovers, temporary_name
from cellbench.errors import DataError, SettingError, StoreError
from cellbench.patches.card import Card, RadiusSource
from cellbench.patches.duplicates import MIN_CORRELATION, contradictions, merge_duplicates, near_duplicates, thumbnail
from cellbench.patches.fingerprint import fingerprint
from cellbench.patches.index import ROLE_COLUMNS, complete_index, given_roles
from cellbench.patches.patchset import COLUMNS, PatchSet
from cellbench.patches.resize import write_header
from cellbench.patches.roles import draw_roles

_INDEX_BYTES = 300  # of a row, approximately


class PatchWriter:
    """Writes patches one by one, then the index and the card, and moves the finished folder to its place.

    The files are written to a hidden folder next to `directory`. It is removed after an error.

    Args:
        directory: Folder of the data set.
        n_patches: Number of patches that will be added.
        native_size: Side of a patch in px.
        with_masks: Whether each patch has a mask of its centre cell.
        replace: Whether an existing folder may be replaced.

    Raises:
        StoreError: The folder exists, or the disk does not have enough space.
    """

    def __init__(
        self, directory: Path, n_patches: int, native_size: int, with_masks: bool = False, replace: bool = False
    ) -> None:
        self.directory = Path(directory)
        self.n_patches = n_patches
        self.native_size = native_size
        self._replace = replace
        if self.directory.exists() and not replace:
            raise StoreError(f"{self.directory} exists already. Choose another name, or replace it with --replace.")
        sweep_leftovers(self.directory)
        per_patch = native_size * native_size * (4 if with_masks else 3) + _INDEX_BYTES
        check_free_space(self.directory, n_patches * per_patch)
        self._hashes: list[str] = []
        self._thumbnails: list[NDArray[np.uint8]] = []
        self._mask_digest = hashlib.sha256()
        self._folder = temporary_name(self.directory)
        size = native_size
        with explained(self.directory):
            self._folder.mkdir(parents=True)
            self._patches = (self._folder / "patches.npy").open("wb")
            write_header(self._patches, (n_patches, size, size, 3))
            self._masks = (self._folder / "masks.npy").open("wb") if with_masks else None
            if self._masks is not None:
                write_header(self._masks, (n_patches, size, size))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for file in (self._patches, self._masks):
            with suppress(OSError):
                if file is not None:
                    file.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, patch: NDArray[np.uint8], mask: NDArray[Any] | None = None) -> None:
        """Write the next patch.

        Args:
            patch: uint8, 0–255, shape (H, H, 3).
            mask: True or above 0 inside the centre cell, shape (H, H). Required if and only if `with_masks` is set.

        Raises:
            DataError: The patch or mask has a wrong shape or dtype, or there are more patches than `n_patches`.
            StoreError: The disk is full or not writable.
        """
        row, size = len(self._hashes), self.native_size
        if patch.dtype != np.uint8 or patch.shape != (size, size, 3):
            raise DataError(f"Patch {row} is {patch.dtype} of {patch.shape}. Expected uint8 of {(size, size, 3)}.")
        if row == self.n_patches:
            raise DataError(f"More patches were added than n_patches = {self.n_patches}.")
        if (mask is None) != (self._masks is None):
            raise DataError(
                f"Patch {row} has {'no' if mask is None else 'a'} mask, and with_masks is {self._masks is not None}."
            )
        with explained(self.directory):
            content = patch.tobytes()
            self._patches.write(content)
            if mask is not None and self._masks is not None:
                if mask.shape != (size, size):
                    raise DataError(f"The mask of patch {row} has shape {mask.shape}. Expected {(size, size)}.")
                inside = (mask > 0).astype(np.uint8).tobytes()
                self._masks.write(inside)
                self._mask_digest.update(inside)
        self._hashes.append(hashlib.sha256(content).hexdigest())
        self._thumbnails.append(thumbnail(patch))

    def finish(
        self,
        index: pd.DataFrame,
        *,
        name: str,
        seed: int = 0,
        min_per_class: int = 20,
        classes: Sequence[str] | None = None,
        version: int | str = 1,
        um_per_px: float | None = None,
        licence: str | None = None,
        citation: str | None = None,
        source: str | None = None,
        cell_radius_px: float | None = None,
        cell_radius_source: RadiusSource | None = None,
        groups_known: bool | None = None,
        origin: str | None = None,
        class_order: Sequence[Sequence[str]] = (),
        class_frequencies: Mapping[str, float] | None = None,
        notes: str = "",
    ) -> PatchSet:
        """Draw the roles, write index and card, and move the folder to its place; see `write_patch_set`."""
        if len(self._hashes) != self.n_patches:
            raise DataError(f"n_patches is {self.n_patches}, and {len(self._hashes)} patches were added.")
        table = complete_index(index, self.n_patches, self.native_size)
        table["content_hash"] = self._hashes
        groups, n_copies = merge_duplicates(table["group"].tolist(), self._hashes)
        table["group"] = groups
        remarks = [notes] if notes else []
        if n_copies:
            verb = "patch is an exact copy of another" if n_copies == 1 else "patches are exact copies of others"
            remarks.append(f"{n_copies} {verb}; copies share a group.")

        if not any(column in index.columns for column in ROLE_COLUMNS):  # given roles are not changed
            groups, remark = self._near_merged(groups)
            table["group"] = groups
            remarks += remark

        labels = [None if pd.isna(label) else str(label) for label in table["label"]]
        names = table["source"].fillna(table["id"]).tolist()
        if unlike := contradictions(labels, names, self._hashes):
            shown = ", ".join(unlike[:5]) + (f" and {len(unlike) - 5} more" if len(unlike) > 5 else "")
            remarks.append(f"Copies whose label differs from the original's ({len(unlike)}) keep their label: {shown}.")
        roles = given_roles(index, labels, classes) or draw_roles(labels, groups, seed, min_per_class, classes)
        table["in_pool"], table["in_labelled"], table["in_holdout"] = roles.in_pool, roles.in_labelled, roles.in_holdout
        remarks += roles.notes
        table = table[list(COLUMNS)]

        radii = table["radius_px"].dropna()
        if cell_radius_px is None and len(radii):
            cell_radius_px, cell_radius_source = float(radii.median()), "annotated"
        card = Card(
            name=name,
            version=version,
            native_size=self.native_size,
            um_per_px=um_per_px,
            classes=roles.classes,
            unscored_classes=roles.unscored_classes,
            licence=licence,
            citation=citation,
            source=source,
            fingerprint=fingerprint(table, self.native_size, roles.classes, self._mask_digest.digest()),
            origin=origin,
            cell_radius_px=cell_radius_px,
            cell_radius_source=cell_radius_source,
            groups_known="group" in index.columns if groups_known is None else groups_known,
            transductive=roles.transductive,
            seed=seed,
            notes=" ".join(remarks),
        )
        with explained(self.directory):
            self._patches.close()
            if self._masks is not None:
                self._masks.close()
            table.to_parquet(self._folder / "index.parquet", index=False)
            card.write(self._folder / "card.yaml")
            PatchSet.open(self._folder).record_classes(class_order, class_frequencies)  # check that it can be opened
            self._put_in_place()
        return PatchSet.open(self.directory)

    def _near_merged(self, groups: list[str]) -> tuple[list[str], list[str]]:
        """Return the group of each patch after a merge of those that share a near-duplicate, and remarks on it."""
        found = near_duplicates(np.stack(self._thumbnails), self._hashes)
        if found.too_many:
            return groups, [
                "More than a tenth of the patches look alike at 32 px. They are not taken for copies of one image, so "
                "copies that differ in bytes may lie in different folds."
            ]
        strict = []
        if found.limit > MIN_CORRELATION:
            strict = [
                f"More than a tenth of the patches look alike at 32 px. Only those with a correlation of {found.limit} "
                "or more are taken for copies of one image."
            ]
        merged, _ = merge_duplicates(groups, [str(number) for number in found.cluster])
        if not found.n_patches:
            return merged, strict
        before, after = len(set(groups)), len(set(merged))
        verb = (
            "patch is a near-duplicate of another" if found.n_patches == 1 else "patches are near-duplicates of others"
        )
        what = f"{found.n_patches} {verb}: the same image, turned or compressed anew"
        together = f"up to {np.bincount(found.cluster).max()} together"
        joined = f"{before} groups became {after}" if after < before else "they are in the groups of those already"
        return merged, [*strict, f"{what} ({together}). Near-duplicates share a group: {joined}."]

    def _put_in_place(self) -> None:
        old = None
        if self.directory.exists():
            if not self._replace:
                raise StoreError(
                    f"Another process has created {self.directory}. Choose another name, or replace it with --replace."
                )
            old = temporary_name(self.directory)
            self.directory.replace(old)
        try:
            self._folder.replace(self.directory)
        except OSError:
            if old is not None:
                old.replace(self.directory)
            raise
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)


def write_patch_set(
    directory: Path | str,
    *,
    patches: Iterable[NDArray[np.uint8]],
    index: pd.DataFrame,
    native_size: int | None = None,
    masks: Iterable[NDArray[Any]] | None = None,
    replace: bool = False,
    **card: Any,
) -> PatchSet:
    """Write a data set atomically.

    Args:
        directory: Folder of the data set. It must not exist, unless `replace` is set.
        patches: N arrays of uint8, 0–255, shape (H, H, 3), or one array of shape (N, H, H, 3). They are read once, one
            at a time.
        index: N rows. Required column: `label` (None if there is none). Optional columns: `group` (default: each patch
            is its own group), `id`, `radius_px`, `valid_top`, `valid_left`, `valid_bottom`, `valid_right`, `source`,
            `x`, `y`. The columns `in_pool`, `in_labelled` and `in_holdout` together set the roles instead of drawing
            them.
        native_size: H in px. Optional if `patches` is one array.
        masks: N arrays, true or above 0 inside the centre cell, shape (H, H).
        replace: Whether an existing folder may be replaced.
        **card: `name`, and optionally `seed`, `min_per_class`, `classes` (their order), `version`, `um_per_px`,
            `licence`, `citation`, `source`, `cell_radius_px` and `cell_radius_source` (default: the median of the
            annotated radii), `groups_known`, `origin`, `class_order`, `class_frequencies`, `notes`; see
            `PatchWriter.finish`.

    Returns:
        The data set.

    Raises:
        DataError: Patches, masks and index do not fit together, or the roles cannot be drawn.
        SettingError: `native_size` is missing, or a column of the index or a class of `class_order` is unknown.
        StoreError: The folder exists, or the disk is full or not writable.
    """
    if native_size is None:
        if not isinstance(patches, np.ndarray) or patches.ndim != 4:
            raise SettingError("Give native_size, the side of a patch in px, unless patches is one array.")
        native_size = int(patches.shape[1])
    with PatchWriter(Path(directory), len(index), native_size, masks is not None, replace) as writer:
        for patch, mask in _paired(patches, masks):
            writer.add(patch, mask)
        return writer.finish(index, **card)


def _paired(
    patches: Iterable[NDArray[np.uint8]], masks: Iterable[NDArray[Any]] | None
) -> Iterator[tuple[NDArray[np.uint8], NDArray[Any] | None]]:
    if masks is None:
        for patch in patches:
            yield patch, None
    else:
        yield from zip(patches, masks, strict=True)
