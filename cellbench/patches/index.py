"""Completion and checks of the index of a data set."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError, SettingError, listing
from cellbench.patches.roles import Roles

ROLE_COLUMNS = ("in_pool", "in_labelled", "in_holdout")
BOX_COLUMNS = ("valid_top", "valid_left", "valid_bottom", "valid_right")
_TEXT = ("id", "label", "group", "source")
_NUMBERS = ("radius_px", "x", "y")


def content_hash(patch: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of the pixels of a patch, 64 hexadecimal digits."""
    return hashlib.sha256(patch.tobytes()).hexdigest()


def complete_index(index: pd.DataFrame, n_patches: int, native_size: int) -> pd.DataFrame:
    """Return an index with all columns in their types, except roles and hashes.

    Args:
        index: One row for each patch. Only the column `label` is required.
        n_patches: Number of patches.
        native_size: Side of a patch in px. The default valid box is the whole patch.

    Raises:
        SettingError: A column is unknown, or `label` is missing.
        DataError: The number of rows, an id, a group, a valid box or a radius is wrong.
    """
    known = {*_TEXT, *_NUMBERS, *BOX_COLUMNS, *ROLE_COLUMNS}
    if unknown := [str(name) for name in index.columns if name not in known]:
        raise SettingError(f"The index has unknown columns: {listing(unknown)}. Known: {', '.join(sorted(known))}.")
    if "label" not in index.columns:
        raise SettingError("The index has no column 'label'. Add it, with None for patches without a label.")
    if len(index) != n_patches:
        raise DataError(f"The index has {len(index)} rows for {n_patches} patches.")
    numbers = pd.Series([str(i) for i in range(n_patches)], dtype=object)
    table = pd.DataFrame(index=range(n_patches))
    for name in _TEXT:
        if name in index.columns:
            values = index[name].reset_index(drop=True).astype(object)
            table[name] = values.where(values.isna(), values.map(str)).where(values.notna(), None).astype("string")
        else:
            table[name] = (numbers if name in ("id", "group") else pd.Series([None] * n_patches)).astype("string")
    for name in _NUMBERS:
        given = name in index.columns
        table[name] = index[name].to_numpy(dtype=np.float64, na_value=np.nan) if given else np.full(n_patches, np.nan)
    for name, default in zip(BOX_COLUMNS, (0, 0, native_size, native_size), strict=True):
        table[name] = index[name].to_numpy(dtype=np.int32) if name in index.columns else np.int32(default)

    if table["group"].isna().any():
        rows = np.flatnonzero(table["group"].isna())
        raise DataError(
            f"{len(rows)} patches have no group (the first: row {rows[0]}). Name a group for all patches or for none."
        )
    if table["id"].duplicated().any() or table["id"].isna().any():
        twice = table["id"][table["id"].duplicated()].tolist()[:5]
        raise DataError(f"Each patch needs a unique id. These ids are missing or appear twice: {twice}.")
    empty = (table["valid_bottom"] <= table["valid_top"]) | (table["valid_right"] <= table["valid_left"])
    outside = (table[["valid_top", "valid_left"]] < 0).any(axis=1) | (
        table[["valid_bottom", "valid_right"]] > native_size
    ).any(axis=1)
    if (empty | outside).any():
        row = int(np.flatnonzero(empty | outside)[0])
        raise DataError(f"The valid box of row {row} is empty or extends beyond the patch of {native_size} px.")
    if (table["radius_px"] <= 0).any():
        raise DataError(f"The radius of row {int(np.flatnonzero(table['radius_px'] <= 0)[0])} is not above 0 px.")
    return table


def given_roles(
    index: pd.DataFrame, labels: Sequence[str | None], classes: Sequence[str] | None = None
) -> Roles | None:
    """Return the roles that the index contains, or None if it contains none.

    Args:
        index: One row for each patch, with all or none of `in_pool`, `in_labelled` and `in_holdout`.
        labels: Label of each patch, None if it has none.
        classes: Order of the classes. Default: alphabetical.

    Raises:
        SettingError: Only some of the three columns are present.
        DataError: The roles contradict each other or the labels, split a group, or leave fewer than two scored classes.
    """
    present = [name for name in ROLE_COLUMNS if name in index.columns]
    if not present:
        return None
    if len(present) < len(ROLE_COLUMNS):
        raise SettingError(f"The index has only {', '.join(present)}. Give all of {', '.join(ROLE_COLUMNS)}, or none.")
    pool, labelled, holdout = (index[name].to_numpy(dtype=bool) for name in ROLE_COLUMNS)
    has_label = np.array([label is not None for label in labels])
    if (holdout & (pool | labelled)).any():
        raise DataError(
            "Some patches of the holdout are also in the pool or labelled. Holdout patches can have no other role."
        )
    if ((labelled | holdout) & ~has_label).any():
        raise DataError("Some patches without a label are in_labelled or in_holdout. Put them in the pool.")
    if "group" in index.columns:
        held = set(index["group"].to_numpy()[holdout])
        if split := sorted(held & set(index["group"].to_numpy()[pool | labelled])):
            raise DataError(
                f"The holdout splits groups ({', '.join(map(str, split[:5]))}). Keep each group on one side."
            )
    names = pd.Series([*labels], dtype=object)
    counts = names.value_counts()
    in_both = [set(names[mask]) for mask in (labelled, holdout)]
    order = [c for c in (classes if classes is not None else sorted(counts.index)) if c in counts.index]
    scored = [c for c in order if c in in_both[0] & in_both[1]]
    if len(scored) < 2:
        raise DataError("Scores need two classes or more that have both labelled and holdout patches.")
    unscored = {c: int(counts[c]) for c in order if c not in scored}
    return Roles(pool, labelled, holdout, scored, unscored, bool((pool & labelled).any()), [])
