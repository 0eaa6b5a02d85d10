"""Writing a data set: patch by patch, whole or not at all."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
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
from cellbench.patches.duplicates import contradictions, merge_duplicates
from cellbench.patches.fingerprint import fingerprint
from cellbench.patches.index import complete_index, given_roles
from cellbench.patches.patchset import COLUMNS, PatchSet
from cellbench.patches.resize import write_header
from cellbench.patches.roles import draw_roles

_INDEX_BYTES = 300  # for each row, about


class PatchWriter:
    """Takes patches one by one, then an index, and puts the finished folder in its place.

    The work is done in a hidden folder beside `directory`, which vanishes when anything goes wrong.

    Args:
        directory: The data set's folder.
        n_patches: How many patches will come.
        native_size: Side of each, px.
        with_masks: Whether each comes with the mask of its centre cell.
        replace: Whether a folder that is there already may be replaced.

    Raises:
        StoreError: If the folder exists, or the disk has no room for so many patches.
    """

    def __init__(
        self, directory: Path, n_patches: int, native_size: int, with_masks: bool = False, replace: bool = False
    ) -> None:
        self.directory = Path(directory)
        self.n_patches = n_patches
        self.native_size = native_size
        self._replace = replace
        if self.directory.exists() and not replace:
            raise StoreError(f"{self.directory} exists already; choose another name, or replace it (--replace).")
        sweep_leftovers(self.directory)
        per_patch = native_size * native_size * (4 if with_masks else 3) + _INDEX_BYTES
        check_free_space(self.directory, n_patches * per_patch)
        self._hashes: list[str] = []
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
            patch: uint8, H × H × 3.
            mask: H × H, true or above 0 inside the centre cell; needed exactly if masks were announced.
        """
        row, size = len(self._hashes), self.native_size
        if patch.dtype != np.uint8 or patch.shape != (size, size, 3):
            raise DataError(f"Patch {row} is {patch.dtype} of {patch.shape}, expected uint8 of {(size, size, 3)}.")
        if row == self.n_patches:
            raise DataError(f"More patches came than the {self.n_patches} that were announced.")
        if (mask is None) != (self._masks is None):
            raise DataError(f"Patch {row} comes {'without' if mask is None else 'with'} a mask, unlike what was said.")
        with explained(self.directory):
            content = patch.tobytes()
            self._patches.write(content)
            if mask is not None and self._masks is not None:
                if mask.shape != (size, size):
                    raise DataError(f"The mask of patch {row} is {mask.shape}, expected {(size, size)}.")
                inside = (mask > 0).astype(np.uint8).tobytes()
                self._masks.write(inside)
                self._mask_digest.update(inside)
        self._hashes.append(hashlib.sha256(content).hexdigest())

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
        notes: str = "",
    ) -> PatchSet:
        """Draw the roles, write index and card, and put the folder in its place; see `write_patch_set`."""
        if len(self._hashes) != self.n_patches:
            raise DataError(f"{self.n_patches} patches were announced and {len(self._hashes)} came.")
        table = complete_index(index, self.n_patches, self.native_size)
        table["content_hash"] = self._hashes
        groups, n_copies = merge_duplicates(table["group"].tolist(), self._hashes)
        table["group"] = groups
        remarks = [notes] if notes else []
        if n_copies:
            verb = "patch is an exact copy of another" if n_copies == 1 else "patches are exact copies of others"
            remarks.append(f"{n_copies} {verb}; copies share a group.")

        labels = [None if pd.isna(label) else str(label) for label in table["label"]]
        names = table["source"].fillna(table["id"]).tolist()
        if unlike := contradictions(labels, names, self._hashes):
            shown = ", ".join(unlike[:5]) + (f" and {len(unlike) - 5} more" if len(unlike) > 5 else "")
            remarks.append(f"Copies with another label than their original ({len(unlike)}) count as labelled: {shown}.")
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
            PatchSet.open(self._folder)  # what is put in place can be opened
            self._put_in_place()
        return PatchSet.open(self.directory)

    def _put_in_place(self) -> None:
        old = None
        if self.directory.exists():
            if not self._replace:
                raise StoreError(f"{self.directory} has appeared meanwhile; choose another name, or replace it.")
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
    """Write a data set, whole or not at all.

    Args:
        directory: Its folder; must not exist unless `replace`.
        patches: N arrays of uint8, H × H × 3 (an array N × H × H × 3 will do); read once, one at a time.
        index: N rows. `label` (None where there is none); optionally `group` (default: each patch its own), `id`,
            `radius_px`, `valid_top`, `valid_left`, `valid_bottom`, `valid_right`, `source`, `x`, `y`; and all of
            `in_pool`, `in_labelled`, `in_holdout` where the roles are not to be drawn.
        native_size: H; may be left out where `patches` is one array.
        masks: N arrays, H × H, true or above 0 inside the centre cell; read in step with `patches`.
        replace: Whether a folder that is there may be replaced.
        **card: `name`, and optionally `seed`, `min_per_class`, `classes` (their order), `version`, `um_per_px`,
            `licence`, `citation`, `source`, `cell_radius_px` and `cell_radius_source` (default: the median of the
            annotated radii), `groups_known`, `origin`, `notes`; see `PatchWriter.finish`.

    Raises:
        DataError: If patches, masks and index do not fit together, or no roles can be drawn.
        StoreError: If the folder exists, the disk is full or not writable.
    """
    if native_size is None:
        if not isinstance(patches, np.ndarray) or patches.ndim != 4:
            raise SettingError("Give native_size, the side of a patch in px, where patches is not one array.")
        native_size = int(patches.shape[1])
    with PatchWriter(Path(directory), len(index), native_size, masks is not None, replace) as writer:
        for patch, mask in _in_step(patches, masks):
            writer.add(patch, mask)
        return writer.finish(index, **card)


def _in_step(
    patches: Iterable[NDArray[np.uint8]], masks: Iterable[NDArray[Any]] | None
) -> Iterator[tuple[NDArray[np.uint8], NDArray[Any] | None]]:
    if masks is None:
        for patch in patches:
            yield patch, None
    else:
        yield from zip(patches, masks, strict=True)
