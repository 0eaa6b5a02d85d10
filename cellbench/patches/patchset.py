"""A data set on disk. Opening it decodes no image, and all processes of a node share its memory map."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cellbench.errors import DataError, SettingError
from cellbench.input_files import check_regular
from cellbench.patches.card import Card, RadiusSource, frequencies_fault, order_fault
from cellbench.patches.resize import resized_copy
from cellbench.patches.roles import class_codes

Role = Literal["pool", "labelled", "holdout"]

COLUMNS = (
    "id", "label", "group", "in_pool", "in_labelled", "in_holdout", "radius_px",
    "valid_top", "valid_left", "valid_bottom", "valid_right", "source", "x", "y", "content_hash",
)  # fmt: skip
"""Columns of index.parquet, one row for each patch."""


class PatchSet:
    """Centred patches of one native size with their labels, groups and roles.

    Opening reads only the card and the headers. Rows are integers from 0 to N − 1 into `patches`, `masks` and `index`.

    Args:
        path: Folder of the data set.
        card: Contents of `card.yaml`.
        patches: uint8, 0–255, shape (N, H, H, 3), a read-only memory map.
        masks: uint8, 1 inside the contour of the centre cell, shape (N, H, H). None if contours are unknown.
    """

    def __init__(
        self, path: Path, card: Card, patches: NDArray[np.uint8], masks: NDArray[np.uint8] | None = None
    ) -> None:
        self.path = path
        self.card = card
        self.patches = patches
        self.masks = masks

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a data set.

        Args:
            path: Folder of the data set.

        Raises:
            DataError: A file is missing, damaged, or does not fit the others. The message names it.
        """
        path = Path(path)
        if not path.is_dir():
            raise DataError(f"{path} is not a folder, so it is not a data set.")
        card = Card.read(path / "card.yaml")
        size = card.native_size
        patches = _open_array(path / "patches.npy", (size, size, 3))
        masks = None
        if (path / "masks.npy").exists():
            masks = _open_array(path / "masks.npy", (size, size))
            if len(masks) != len(patches):
                raise _damaged(path / "masks.npy", f"it has {len(masks)} masks for {len(patches)} patches")
        _check_index(path / "index.parquet", len(patches))
        return cls(path, card, patches, masks)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self).open, (self.path,)

    def __len__(self) -> int:
        return len(self.patches)

    def __repr__(self) -> str:
        return f"PatchSet({self.card.name!r}, {len(self)} patches of {self.card.native_size} px)"

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row for each patch; the columns are `COLUMNS`."""
        path = self.path / "index.parquet"
        try:
            index = pd.read_parquet(path)
        except Exception as error:  # damaged metadata raise anything, for example KeyError
            raise _damaged(path, str(error) or type(error).__name__) from error
        if missing := [name for name in COLUMNS if name not in index.columns]:
            raise _damaged(path, f"it lacks the columns {', '.join(missing)}")
        roles = index[["in_pool", "in_labelled", "in_holdout"]].to_numpy(dtype=bool)
        if (roles[:, 2] & (roles[:, 0] | roles[:, 1])).any():
            raise _damaged(path, "patches of the holdout are also in the pool or labelled")
        return index

    def _content_hashes(self) -> Sequence[str]:
        return list(self.index["content_hash"])

    @cached_property
    def _class_codes(self) -> NDArray[np.int64]:
        return class_codes(self.index["label"], self.card.classes)

    @cached_property
    def _group_codes(self) -> NDArray[np.int64]:
        return np.asarray(pd.factorize(self.index["group"], sort=True)[0], dtype=np.int64)

    def rows(self, role: Role) -> NDArray[np.int64]:
        """Return the rows of a role, ascending. For `labelled` and `holdout`, only those with a scored class.

        Args:
            role: `pool`, `labelled` or `holdout`.

        Raises:
            DataError: The role is unknown.
        """
        if role not in ("pool", "labelled", "holdout"):
            raise DataError(f"A role is 'pool', 'labelled' or 'holdout'. Got '{role}'.")
        chosen = self.index[f"in_{role}"].to_numpy(dtype=bool)
        if role != "pool":
            chosen = chosen & (self._class_codes >= 0)
        return np.flatnonzero(chosen).astype(np.int64)

    def labels(self, rows: ArrayLike | None = None) -> NDArray[np.int64]:
        """Return codes into `card.classes`, −1 for patches without a scored class. Default: all rows."""
        return self._class_codes if rows is None else self._class_codes[np.asarray(rows)]

    def groups(self, rows: ArrayLike | None = None) -> NDArray[np.int64]:
        """Return codes of groups. A group has the same code in every call. Default: all rows."""
        return self._group_codes if rows is None else self._group_codes[np.asarray(rows)]

    def radius_px(self, rows: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return cell radii in native px: annotated, otherwise that of the card, otherwise NaN. Default: all rows."""
        radius = self.index["radius_px"].to_numpy(dtype=np.float64, na_value=np.nan)
        if self.card.cell_radius_px is not None:
            radius = np.where(np.isnan(radius), self.card.cell_radius_px, radius)
        return radius if rows is None else radius[np.asarray(rows)]

    def valid_box(self, rows: ArrayLike | None = None) -> NDArray[np.int64]:
        """Return the box of each patch that is image, not padding: top, left, bottom, right in px, (n, 4).

        Args:
            rows: Rows of the patches. Default: all.
        """
        columns = ["valid_top", "valid_left", "valid_bottom", "valid_right"]
        boxes = self.index[columns].to_numpy(dtype=np.int64)
        return boxes if rows is None else boxes[np.asarray(rows)]

    def resized(self, size: int, cache_dir: Path | str) -> NDArray[np.uint8]:
        """Return all patches at `size` px from a copy that is made on first use.

        Args:
            size: Side in px. At the native size the result is `patches`.
            cache_dir: Folder of the resized copies of all data sets.

        Returns:
            uint8, 0–255, shape (N, size, size, 3), a read-only memory map.

        Raises:
            ChangedDataError: A patch was changed since the data set was made.
        """
        if size == self.card.native_size:
            return self.patches
        path = Path(cache_dir) / f"{self.card.fingerprint[:16]}-{size}.npy"
        return resized_copy(self.patches, size, path, self._content_hashes)

    def class_frequencies(self) -> tuple[NDArray[np.float64], Literal["published", "pool"]] | None:
        """Return the natural frequency of each scored class, and where it is from.

        It is `published` where the card has it, else the share of the patches of the pool with a scored class, whose
        labels are used for nothing else.

        Returns:
            Shares with a sum of 1, shape (classes,), and their source; None where no patch of the pool has a label.
        """
        if self.card.class_frequencies:
            found = np.array([self.card.class_frequencies[name] for name in self.card.classes], dtype=np.float64)
            return found / found.sum(), "published"
        codes = self.labels(self.rows("pool"))
        counts = np.bincount(codes[codes >= 0], minlength=len(self.card.classes)).astype(np.float64)
        return (counts / counts.sum(), "pool") if counts.any() else None

    def record_cell_radius(self, radius_px: float, source: RadiusSource) -> None:
        """Write the typical cell radius to the card.

        Args:
            radius_px: Radius in native px.
            source: `annotated` or `estimated`.
        """
        self._record(cell_radius_px=float(radius_px), cell_radius_source=source)

    def record_classes(
        self, order: Sequence[Sequence[str]] | None = None, frequencies: Mapping[str, float] | None = None
    ) -> None:
        """Write orders and natural frequencies of classes to the card. Neither is part of the fingerprint.

        Args:
            order: Orders of classes, for example stages of maturation; None keeps those of the card.
            frequencies: Natural frequency of each scored class, in any unit; None keeps those of the card.

        Raises:
            SettingError: A class is unknown, named twice, or lacks a frequency.
        """
        order = self.card.class_order if order is None else order
        frequencies = self.card.class_frequencies if frequencies is None else frequencies
        known = [*self.card.classes, *self.card.unscored_classes]
        if fault := order_fault(order, known) or frequencies_fault(frequencies, known, self.card.classes):
            raise SettingError(fault)
        self._record(class_order=[list(one) for one in order], class_frequencies=dict(frequencies))

    def _record(self, **entries: Any) -> None:
        self.card = Card.model_validate(self.card.model_dump() | entries)
        self.card.write(self.path / "card.yaml")


def _open_array(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a memory map of uint8, N × `shape`, after a check of the header and the size of the file."""
    try:
        check_regular(path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, RecursionError, MemoryError) as error:
        raise _damaged(path, getattr(error, "strerror", None) or str(error)) from error
    if array.dtype != np.uint8 or array.shape[1:] != shape:
        raise _damaged(path, f"it has {array.dtype} of shape {array.shape}, and the card needs uint8 of N × {shape}")
    return array


def _check_index(path: Path, n_patches: int) -> None:
    import pyarrow
    import pyarrow.parquet

    try:
        check_regular(path)
        found = pyarrow.parquet.ParquetFile(path)
        schema, n_rows = found.schema_arrow, found.metadata.num_rows
        found.close()
    except (OSError, pyarrow.ArrowException) as error:
        raise _damaged(path, getattr(error, "strerror", None) or str(error)) from error
    if missing := [name for name in COLUMNS if name not in schema.names]:
        raise _damaged(path, f"it lacks the columns {', '.join(missing)}")
    if twice := [name for name in COLUMNS if schema.names.count(name) > 1]:
        raise _damaged(path, f"it has several columns {', '.join(twice)}")
    if wrong := [name for name in COLUMNS if not _has_type(name, schema.field(name).type)]:
        raise _damaged(path, f"these columns have another type than in a data set: {', '.join(wrong)}")
    if n_rows != n_patches:
        raise _damaged(path, f"it has {n_rows} rows for {n_patches} patches")


def _has_type(column: str, found: Any) -> bool:
    """Return whether the Arrow type of a column is one that its values can be read from without guessing."""
    from pyarrow import types

    if column.startswith("in_"):
        return bool(types.is_boolean(found))
    if column.startswith("valid_"):
        return bool(types.is_integer(found))
    if column in ("radius_px", "x", "y"):
        return bool(types.is_floating(found) or types.is_integer(found) or types.is_null(found))
    return bool(types.is_string(found) or types.is_large_string(found) or types.is_null(found))


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is damaged ({reason.strip().rstrip('.')}). Remove the data set and add it again.")
