"""A data set whose files do not match its card is refused by name."""

import shutil

import numpy as np
import pandas as pd
import pytest

from cellbench.errors import DataError
from cellbench.patches import PatchSet, check_unchanged, write_patch_set


@pytest.fixture
def copy(discs, tmp_path):
    """A copy of the discs that may be changed."""
    shutil.copytree(discs.path, tmp_path / "discs")
    return tmp_path / "discs"


def check(path):
    check_unchanged(PatchSet.open(path), path.parent / "cache")


def change_pixel(path, row, file="patches.npy"):
    array = np.load(path / file, mmap_mode="r+")
    array[row, 3, 3] ^= 1
    array.flush()


def change_index(path, column, value):
    index = pd.read_parquet(path / "index.parquet")
    index.loc[5, column] = value
    index.to_parquet(path / "index.parquet", index=False)


def test_what_was_written_is_unchanged_and_checked_once(copy, monkeypatch):
    check(copy)
    monkeypatch.setattr("cellbench.patches.fingerprint._check", lambda patch_set: pytest.fail("checked again"))
    check(copy)


@pytest.mark.parametrize("checked_before", [True, False])
def test_a_changed_pixel_is_found_and_its_row_named(copy, checked_before):
    if checked_before:
        check(copy)
    change_pixel(copy, 17)
    with pytest.raises(DataError, match=r"patches.npy was changed .* 1 of 90 patches differ \(the first: row 17\)"):
        check(copy)
    with pytest.raises(DataError):  # it is not remembered as right
        check(copy)


def test_a_changed_contour_is_found(copy):
    change_pixel(copy, 17, "masks.npy")
    with pytest.raises(DataError, match="labels, groups, roles, radii or contours"):
        check(copy)


@pytest.mark.parametrize(
    ("column", "value"), [("label", "other"), ("group", "other"), ("in_pool", False), ("radius_px", 3.25)]
)
def test_a_changed_entry_of_the_index_is_found(copy, column, value):
    check(copy)
    change_index(copy, column, value)
    with pytest.raises(DataError, match="was changed since the data set was made"):
        check(copy)


def test_a_new_radius_of_cells_in_the_card_is_allowed(copy):
    PatchSet.open(copy).record_cell_radius(9.5, "annotated")
    check(copy)


def test_a_data_set_without_labels_radii_or_masks_is_unchanged(tmp_path):
    patches = np.random.default_rng(0).integers(0, 255, (60, 16, 16, 3), dtype=np.uint8)
    labels = ["a", "b"] * 29 + [None] * 2
    index = pd.DataFrame({"label": labels, "group": [f"g{i // 3}" for i in range(60)]})
    write_patch_set(directory=tmp_path / "plain", patches=patches, index=index, name="plain", min_per_class=2)
    check(tmp_path / "plain")
