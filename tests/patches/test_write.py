import shutil
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellbench import disk
from cellbench.errors import DataError, SettingError, StoreError
from cellbench.patches import PatchWriter, write_patch_set

N, SIZE = 80, 10


@pytest.fixture
def patches():
    return np.random.default_rng(0).integers(0, 256, (N, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def index():
    return pd.DataFrame({"label": list("ab") * (N // 2), "group": [f"s{i // 5}" for i in range(N)]})


def test_what_is_written_is_what_is_opened(tmp_path, patches, index):
    masks = patches[..., 0]
    index["radius_px"] = np.where(np.arange(N) < 3, [4.0] * N, np.nan)
    index["source"] = [f"{i}.png" for i in range(N)]
    found = write_patch_set(
        tmp_path / "x", patches=iter(patches), masks=iter(masks), native_size=SIZE, index=index, name="x",
        um_per_px=0.1, licence="CC0", seed=3, version="2",
    )  # fmt: skip
    assert (found.patches == patches).all()
    assert (found.masks == (masks > 0)).all()
    assert found.index["source"].tolist() == index["source"].tolist()
    assert found.index["label"].tolist() == index["label"].tolist()
    card = found.card
    assert (card.name, card.version, card.um_per_px, card.licence, card.seed) == ("x", "2", 0.1, "CC0", 3)
    assert (card.cell_radius_px, card.cell_radius_source) == (4.0, "annotated")
    assert card.groups_known
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_every_labelled_and_held_out_row_has_a_scored_class(tmp_path, patches, index):
    index.loc[:9, "label"] = None
    index.loc[10:12, "label"] = "rare"
    found = write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")
    assert found.card.unscored_classes == {"rare": 3}
    for role in ("labelled", "holdout"):
        rows = found.rows(role)
        assert len(rows)
        assert (found.labels(rows) >= 0).all()
        assert (rows == np.flatnonzero(found.index[f"in_{role}"])).all()


def test_without_groups_each_patch_is_its_own(tmp_path, patches, index):
    found = write_patch_set(tmp_path / "x", patches=patches, index=index[["label"]], name="x")
    assert not found.card.groups_known
    assert len(set(found.groups())) == N


def test_a_class_order_can_be_given(tmp_path, patches, index):
    found = write_patch_set(tmp_path / "x", patches=patches, index=index, name="x", classes=["b", "a"])
    assert found.card.classes == ["b", "a"]
    assert found.labels()[:2].tolist() == [1, 0]


def test_copies_share_a_group_and_a_side(tmp_path, patches, index):
    patches[1::2] = patches[0::2]
    index["group"] = [str(i) for i in range(N)]
    found = write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")
    assert (found.groups()[0::2] == found.groups()[1::2]).all()
    assert "40 patches are exact copies of others" in found.card.notes
    assert "Copies whose label differs from the original's (40) keep their label: 0 (a) = 1 (b)" in found.card.notes
    held = found.index["in_holdout"].to_numpy()
    assert (held[0::2] == held[1::2]).all()


def test_roles_can_be_given(tmp_path, patches, index):
    rows = np.arange(N)
    index["in_pool"], index["in_labelled"], index["in_holdout"] = rows < 40, (rows >= 40) & (rows < 60), rows >= 60
    found = write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")
    assert [len(found.rows(role)) for role in ("pool", "labelled", "holdout")] == [40, 20, 20]
    assert not found.card.transductive


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"in_pool": True}, SettingError, "has only in_pool"),
        ({"in_pool": True, "in_labelled": False, "in_holdout": True}, DataError, "can have no other role"),
        ({"in_pool": True, "in_labelled": True, "in_holdout": False}, DataError, "Scores need two classes"),
        ({"in_pool": False, "in_labelled": True, "in_holdout": False, "label": None}, DataError, "without a label"),
        ({"colour": 1}, SettingError, "unknown columns: colour"),
        ({"group": None}, DataError, "80 patches have no group"),
        ({"id": "same"}, DataError, "needs a unique id"),
        ({"radius_px": 0.0}, DataError, "radius of row 0 is not above 0"),
        ({"valid_top": 10}, DataError, "valid box of row 0 is empty"),
        ({"valid_right": 11}, DataError, "valid box of row 0 is empty or extends beyond"),
        ({"label": "one"}, DataError, "Fewer than two classes"),
        ({"group": "one"}, DataError, "There is 1 group"),
    ],
)  # fmt: skip
def test_a_wrong_index_is_refused_and_leaves_nothing(tmp_path, patches, index, change, error, message):
    for column, value in change.items():
        index[column] = pd.Series([value] * N, dtype=object if value is None else None)
    with pytest.raises(error, match=message):
        write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")
    assert not list(tmp_path.iterdir())


def test_roles_that_split_a_group_are_refused(tmp_path, patches, index):
    index["in_pool"] = index["in_labelled"] = np.arange(N) < 42
    index["in_holdout"] = np.arange(N) >= 42
    with pytest.raises(DataError, match=r"holdout splits groups \(s8\)"):
        write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")


def test_an_index_without_labels_is_refused(tmp_path, patches, index):
    with pytest.raises(SettingError, match="no column 'label'"):
        write_patch_set(tmp_path / "x", patches=patches, index=index[["group"]], name="x")


def test_too_few_and_too_many_patches_are_refused(tmp_path, patches, index):
    with pytest.raises(DataError, match="n_patches is 80, and 79 patches were added"):
        write_patch_set(tmp_path / "x", patches=patches[:-1], index=index, name="x")
    with pytest.raises(DataError, match="More patches were added than n_patches = 79"):
        write_patch_set(tmp_path / "x", patches=patches, index=index[:-1], name="x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("patch", "mask", "message"),
    [
        (np.zeros((10, 9, 3), np.uint8), None, r"Patch 0 is uint8 of \(10, 9, 3\)\. Expected uint8 of \(10, 10, 3\)"),
        (np.zeros((10, 10, 3)), None, "Patch 0 is float64"),
        (np.zeros((10, 10, 3), np.uint8), np.zeros((10, 10)), "has a mask, and with_masks is False"),
    ],
)
def test_a_wrong_patch_is_refused(tmp_path, patch, mask, message):
    with PatchWriter(tmp_path / "x", 1, 10) as writer, pytest.raises(DataError, match=message):
        writer.add(patch, mask)


def test_the_native_size_must_be_known(tmp_path, patches, index):
    with pytest.raises(SettingError, match="Give native_size"):
        write_patch_set(tmp_path / "x", patches=iter(patches), index=index, name="x")


def test_an_existing_folder_is_kept_unless_it_may_be_replaced(tmp_path, patches, index):
    first = write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")
    with pytest.raises(StoreError, match=r"x exists already\. Choose another name, or replace it with --replace"):
        write_patch_set(tmp_path / "x", patches=patches[::-1].copy(), index=index, name="x")
    second = write_patch_set(tmp_path / "x", patches=patches[::-1].copy(), index=index, name="x", replace=True)
    assert first.card.fingerprint != second.card.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_failed_replacement_leaves_the_old_set(tmp_path, patches, index):
    old = write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")
    with pytest.raises(DataError):
        write_patch_set(tmp_path / "x", patches=patches[:3], index=index, name="x", replace=True)
    assert write_patch_set is not None
    assert type(old).open(tmp_path / "x").card == old.card
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_an_interrupted_write_leaves_nothing(tmp_path, patches, index):
    def interrupted():
        yield patches[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_patch_set(tmp_path / "x", patches=interrupted(), native_size=SIZE, index=index, name="x")
    assert not list(tmp_path.iterdir())


def test_a_disk_without_space_is_refused_before_anything_is_written(tmp_path, patches, index, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: usage(0, 0, 10_000_000))
    with pytest.raises(StoreError, match=r"x needs 48.0 kB, but its disk has 10.0 MB left, of which 67.1 MB must"):
        write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_meanwhile_gives_a_clear_message(tmp_path, patches, index):
    class FullDisk:
        def write(self, content):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    with PatchWriter(tmp_path / "x", N, SIZE) as writer:
        writer._patches.close()
        writer._patches = FullDisk()
        with pytest.raises(StoreError, match=r"x cannot be written \(No space left on device\); free some space"):
            writer.add(patches[0])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_gives_a_clear_message(tmp_path, patches, index):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_patch_set(tmp_path / "file" / "x", patches=patches, index=index, name="x")


def fingerprint(tmp_path, patches, index, **options):
    shutil.rmtree(tmp_path / "f", ignore_errors=True)
    return write_patch_set(tmp_path / "f", patches=patches, index=index, name="x", **options).card.fingerprint


def test_the_fingerprint_follows_everything_that_changes_a_result(tmp_path, patches, index):
    first = fingerprint(tmp_path, patches, index)
    assert fingerprint(tmp_path, patches, index, licence="CC0") == first
    changed = patches.copy()
    changed[7, 0, 0, 0] ^= 1
    labels, groups = index.copy(), index.copy()
    labels.loc[[0, 1], "label"] = ["b", "a"]
    groups.loc[0, "group"] = "s1"
    others = [
        fingerprint(tmp_path, changed, index),
        fingerprint(tmp_path, patches, labels),
        fingerprint(tmp_path, patches, groups),
        fingerprint(tmp_path, patches, index, seed=1),
        fingerprint(tmp_path, patches, index, masks=patches[..., 0]),
        fingerprint(tmp_path, patches, index.assign(radius_px=2.0)),
    ]
    assert len({first, *others}) == len(others) + 1


@given(st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_no_group_is_split_whatever_is_written(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    few = rng.integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)[rng.integers(0, 60, 70)]  # with copies
    index = pd.DataFrame({"label": rng.choice(list("abc"), 70), "group": rng.integers(0, 30, 70)})
    folder = tmp_path_factory.mktemp("sets") / "x"
    try:
        found = write_patch_set(folder, patches=few, index=index, name="x", min_per_class=3)
    except DataError:
        return
    groups = {role: set(found.groups(found.rows(role))) for role in ("pool", "labelled", "holdout")}
    assert not groups["holdout"] & (groups["pool"] | groups["labelled"])
    hashes = found.index["content_hash"].to_numpy()
    assert not set(hashes[found.rows("holdout")]) & set(hashes[found.rows("pool")])
    for _, same in found.index.assign(number=index["group"]).groupby("number"):
        assert same["group"].nunique() == 1
