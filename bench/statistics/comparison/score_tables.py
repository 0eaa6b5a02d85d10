"""A tidy table of scores as one array of folds and seeds for each method."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellbench.errors import DataError, listing

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("method", "fold", "seed", "f1_macro")
"""Columns of a table of scores."""


def score_tables(scores: "pd.DataFrame") -> dict[str, NDArray[np.float64]]:
    """Return the scores of each method as an array of shape (folds, seeds), NaN where one is missing.

    Folds and seeds are those of the whole table, in ascending order. An axis has length 1 for a method that does not
    depend on it.

    Args:
        scores: One row a score, as for `compare_with`.

    Raises:
        DataError: A column is missing, a score stands twice, or some rows of a method have a fold or seed and others
            have none.
    """
    if absent := [name for name in COLUMNS if name not in scores.columns]:
        raise DataError(f"The table of scores has no column {listing(absent)}; it needs {listing(COLUMNS)}")
    doubled = scores[scores.duplicated(["method", "fold", "seed"])]
    if len(doubled):
        row = doubled.iloc[0]
        raise DataError(f"The table has two scores of {row['method']} for fold {row['fold']} and seed {row['seed']}")
    places: Mapping[str, list[int]] = {
        axis: sorted(int(value) for value in scores[axis].dropna().unique()) for axis in ("fold", "seed")
    }
    found = {}
    for method, rows in scores.groupby("method", sort=False):
        found_at = []
        for axis, values in places.items():
            missing = rows[axis].isna()
            if missing.any() and not missing.all():
                raise DataError(f"Some scores of {method} have a {axis} and others have none")
            found_at.append([0] * len(rows) if missing.all() else [values.index(int(value)) for value in rows[axis]])
        lengths = [1 if rows[axis].isna().all() else len(values) for axis, values in places.items()]
        table = np.full(lengths, np.nan)
        table[tuple(found_at)] = rows["f1_macro"].to_numpy(dtype=float, na_value=np.nan)
        found[str(method)] = table
    return found
