"""From the columns a writer has to the full index of a data set."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellbench.errors import DataError, SettingError
from cellbench.patches.roles import Roles

ROLE_COLUMNS = ("in_pool", "in_labelled", "in_holdout")
BOX_COLUMNS = ("valid_top", "valid_left", "valid_bottom", "valid_right")
_TEXT = ("id", "label", "group", "source")
_NUMBERS = ("radius_px", "x", "y")


def complete_index(index: pd.DataFrame, n_patches: int, native_size: int) -> pd.DataFrame:
    """Return the index with every column but roles and hashes, in their types.

    Args:
        index: A row for each patch; `label` is required.
        n_patches: N.
        native_size: Side of a patch in px, the default of the valid box.

    Raises:
        SettingError: If a column is unknown or `label` is missing.
        DataError: If the number of rows, an id, a group or a valid box is wrong.
    """
    known = {*_TEXT, *_NUMBERS, *BOX_COLUMNS, *ROLE_COLUMNS}
    if unknown := [str(name) for name in index.columns if name not in known]:
        raise SettingError(f"The index has unknown columns ({', '.join(unknown)}); known: {', '.join(sorted(known))}.")
    if "label" not in index.columns:
        raise SettingError("The index has no column 'label'; give it, with None where a patch has no label.")
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
            f"{len(rows)} patches have no group (the first: row {rows[0]}); name one for each, or for none."
        )
    if table["id"].duplicated().any() or table["id"].isna().any():
        twice = table["id"][table["id"].duplicated()].tolist()[:5]
        raise DataError(f"Each patch needs an id of its own; these come twice or are missing: {twice}.")
    empty = (table["valid_bottom"] <= table["valid_top"]) | (table["valid_right"] <= table["valid_left"])
    outside = (table[["valid_top", "valid_left"]] < 0).any(axis=1) | (
        table[["valid_bottom", "valid_right"]] > native_size
    ).any(axis=1)
    if (empty | outside).any():
        row = int(np.flatnonzero(empty | outside)[0])
        raise DataError(f"The valid box of row {row} is empty or reaches out of the patch of {native_size} px.")
    if (table["radius_px"] <= 0).any():
        raise DataError(f"The radius of row {int(np.flatnonzero(table['radius_px'] <= 0)[0])} is not above 0 px.")
    return table


def given_roles(
    index: pd.DataFrame, labels: Sequence[str | None], classes: Sequence[str] | None = None
) -> Roles | None:
    """Return the roles that an index brings with it, or None if it brings none.

    Raises:
        SettingError: If it brings some of the three columns.
        DataError: If they contradict each other or the labels, or split a group.
    """
    present = [name for name in ROLE_COLUMNS if name in index.columns]
    if not present:
        return None
    if len(present) < len(ROLE_COLUMNS):
        raise SettingError(
            f"The index gives {', '.join(present)} only; give all of {', '.join(ROLE_COLUMNS)}, or none."
        )
    pool, labelled, holdout = (index[name].to_numpy(dtype=bool) for name in ROLE_COLUMNS)
    has_label = np.array([label is not None for label in labels])
    if (holdout & (pool | labelled)).any():
        raise DataError("Some patches of the holdout are in the pool or labelled too; give each one role.")
    if ((labelled | holdout) & ~has_label).any():
        raise DataError("Some patches are labelled or held out without having a label; leave those in the pool.")
    if "group" in index.columns:
        held = set(index["group"].to_numpy()[holdout])
        if split := sorted(held & set(index["group"].to_numpy()[pool | labelled])):
            raise DataError(f"The holdout splits groups ({', '.join(map(str, split[:5]))}); keep each on one side.")
    names = pd.Series([*labels], dtype=object)
    counts = names.value_counts()
    in_both = [set(names[mask]) for mask in (labelled, holdout)]
    order = [c for c in (classes if classes is not None else sorted(counts.index)) if c in counts.index]
    scored = [c for c in order if c in in_both[0] & in_both[1]]
    if len(scored) < 2:
        raise DataError("Fewer than two classes are both labelled and held out, so nothing can be scored.")
    unscored = {c: int(counts[c]) for c in order if c not in scored}
    return Roles(pool, labelled, holdout, scored, unscored, bool((pool & labelled).any()), [])
