import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellbench.errors import DataError
from cellbench.patches import PatchSet, write_patch_set


@pytest.fixture
def copy(discs, tmp_path):
    """A copy of the discs that may be damaged."""
    shutil.copytree(discs.path, tmp_path / "discs")
    return tmp_path / "discs"


def test_opening_reads_no_patch_and_no_index(copy, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("not when opening")

    monkeypatch.setattr(pd, "read_parquet", refuse)
    monkeypatch.setattr(Image, "open", refuse)
    found = PatchSet.open(str(copy))
    assert len(found) == 90
    assert isinstance(found.patches, np.memmap)
    assert not found.patches.flags.writeable
    assert repr(found) == "PatchSet('discs', 90 patches of 40 px)"


def test_roles_are_disjoint_and_sorted(discs):
    pool, labelled, holdout = (discs.rows(role) for role in ("pool", "labelled", "holdout"))
    assert (pool == labelled).all()
    assert sorted([*pool, *holdout]) == list(range(90))
    assert pool.dtype == np.int64
    assert (np.diff(pool) > 0).all()
    assert not set(discs.groups(pool)) & set(discs.groups(holdout))


def test_an_unknown_role_is_refused(discs):
    with pytest.raises(DataError, match=r"A role is 'pool', 'labelled' or 'holdout'\. Got 'test'"):
        discs.rows("test")


def test_labels_are_codes_into_the_scored_classes(discs):
    names = np.array(discs.card.classes)[discs.labels([0, 4, 8])]
    assert names.tolist() == discs.index["label"][[0, 4, 8]].tolist()
    assert discs.labels().dtype == np.int64


def test_groups_are_the_same_codes_in_every_call(discs):
    every = discs.groups()
    assert (discs.groups([5, 50]) == every[[5, 50]]).all()
    assert len(set(every)) == 10


def test_radii_come_from_the_patch_then_the_card_then_nowhere(tmp_path):
    patches = np.random.default_rng(0).integers(0, 255, (60, 6, 6, 3), dtype=np.uint8)
    index = pd.DataFrame({"label": list("ab") * 30})
    unknown = write_patch_set(tmp_path / "unknown", patches=patches, index=index, name="x")
    assert np.isnan(unknown.radius_px()).all()
    assert unknown.radius_px().dtype == np.float64
    index["radius_px"] = [2.5] + [np.nan] * 59
    known = write_patch_set(tmp_path / "known", patches=patches, index=index, name="x",
                            cell_radius_px=2.0, cell_radius_source="annotated")  # fmt: skip
    assert known.radius_px([0, 1]).tolist() == [2.5, 2.0]


def test_an_estimated_radius_is_recorded_in_the_card(copy):
    PatchSet.open(copy).record_cell_radius(7, "estimated")
    card = PatchSet.open(copy).card
    assert (card.cell_radius_px, card.cell_radius_source) == (7.0, "estimated")


def test_the_valid_box_is_the_whole_patch_by_default(discs):
    assert discs.valid_box([3, 4]).tolist() == [[0, 0, 40, 40]] * 2


def test_a_pickled_set_is_its_path(discs):
    content = pickle.dumps(discs)
    assert len(content) < 1000
    assert (pickle.loads(content).patches == discs.patches).all()


def truncate(path, n_bytes=100):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - n_bytes])


@pytest.mark.parametrize("name", ["patches.npy", "index.parquet", "card.yaml"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        PatchSet.open(copy)


@pytest.mark.parametrize("name", ["patches.npy", "masks.npy", "index.parquet"])
@pytest.mark.parametrize("keep", [0, 50, -1])
def test_a_truncated_file_is_named(copy, name, keep):
    path = copy / name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=rf"{name} is damaged \(.*\)\. Remove the data set and add it again"):
        PatchSet.open(copy)


def test_files_of_different_length_are_named(copy):
    np.save(copy / "patches.npy", np.zeros((89, 40, 40, 3), np.uint8))
    with pytest.raises(DataError, match=r"masks\.npy is damaged \(it has 90 masks for 89 patches"):
        PatchSet.open(copy)
    (copy / "masks.npy").unlink()
    with pytest.raises(DataError, match=r"index\.parquet is damaged \(it has 90 rows for 89 patches"):
        PatchSet.open(copy)


def test_patches_whose_size_differs_from_the_card_are_named(copy):
    np.save(copy / "patches.npy", np.zeros((90, 41, 40, 3), np.uint8))
    with pytest.raises(DataError, match=r"patches\.npy is damaged \(it has uint8 of shape \(90, 41, 40, 3\)"):
        PatchSet.open(copy)


def test_an_array_of_objects_is_not_loaded(copy):
    np.save(copy / "patches.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"patches\.npy is damaged"):
        PatchSet.open(copy)


def test_a_column_that_is_missing_is_named(copy, discs):
    discs.index.drop(columns="content_hash").to_parquet(copy / "index.parquet")
    with pytest.raises(DataError, match=r"index\.parquet is damaged \(it lacks the columns content_hash"):
        PatchSet.open(copy)


def test_a_holdout_that_is_in_the_pool_is_refused(copy, discs):
    discs.index.assign(in_pool=True).to_parquet(copy / "index.parquet")
    with pytest.raises(DataError, match="patches of the holdout are also in the pool"):
        PatchSet.open(copy).rows("pool")


def test_a_path_that_is_not_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="nothing is not a folder"):
        PatchSet.open(tmp_path / "nothing")
