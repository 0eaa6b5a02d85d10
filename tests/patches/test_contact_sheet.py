import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellbench.errors import SettingError, StoreError
from cellbench.patches import write_patch_set
from cellbench.patches.contact_sheet import contact_sheet, write_contact_sheet

GREEN, PAPER = (0, 150, 60), (228, 228, 232)


def n_green(sheet):
    return int((np.asarray(sheet) == GREEN).all(axis=2).sum())


def test_a_sheet_has_a_row_for_each_class(discs):
    three = contact_sheet(discs, n_per_class=5, side=40)
    assert three.mode == "RGB"
    assert three.size[1] == pytest.approx(40 + 3 * 43 + 3)
    assert contact_sheet(discs, n_per_class=6, side=40).size[0] - three.size[0] == 43


def test_rare_classes_and_patches_without_one_have_their_rows(tmp_path):
    patches = np.random.default_rng(0).integers(0, 255, (64, 8, 8, 3), dtype=np.uint8)
    index = pd.DataFrame({"label": [*(["a", "b"] * 30), "rare", "rare", None, None]})
    found = write_patch_set(tmp_path / "x", patches=patches, index=index, name="x")
    sheet = contact_sheet(found, n_per_class=30, side=20)
    assert sheet.size[1] == 40 + 4 * 23 + 3


def test_marks_are_drawn_in_the_right_place(discs):
    assert n_green(contact_sheet(discs, 4, 80)) == 0
    assert n_green(contact_sheet(discs, 4, 80, marks="radius")) > 300
    assert n_green(contact_sheet(discs, 4, 80, marks="contour")) > 300


def test_the_seed_decides_and_the_holdout_is_not_shown(discs):
    sheets = [np.asarray(contact_sheet(discs, 4, 40, seed=seed)) for seed in (0, 0, 1)]
    assert (sheets[0] == sheets[1]).all()
    assert (sheets[0] != sheets[2]).any()
    line = np.asarray(contact_sheet(discs, 60, 40))[60]  # through the patches of the first class
    shown = (line[111::43] != PAPER).any(axis=1).sum()
    large = discs.index["label"].to_numpy() == discs.card.classes[0]
    assert shown == (large & ~discs.index["in_holdout"].to_numpy()).sum()


def test_a_written_sheet_is_a_png(discs, tmp_path):
    write_contact_sheet(discs, tmp_path / "sheet.png", n_per_class=2)
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.format == "PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_a_sheet_that_cannot_be_written_gives_a_clear_message(discs, tmp_path):
    with pytest.raises(StoreError, match=r"sheet\.png cannot be written \(No such file or directory\)"):
        write_contact_sheet(discs, tmp_path / "nothing" / "sheet.png")


def test_contours_must_be_known(tmp_path):
    patches = np.random.default_rng(0).integers(0, 255, (60, 8, 8, 3), dtype=np.uint8)
    found = write_patch_set(tmp_path / "x", patches=patches, index=pd.DataFrame({"label": ["a", "b"] * 30}), name="x")
    with pytest.raises(SettingError, match=r"The data set 'x' has no contours\. Use the marks radius or none"):
        contact_sheet(found, marks="contour")
    assert n_green(contact_sheet(found, marks="radius")) == 0


@pytest.mark.parametrize(("n", "side"), [(0, 40), (1, 7)])
def test_an_empty_sheet_is_refused(discs, n, side):
    with pytest.raises(SettingError, match="n_per_class must be 1 or more and side 8 px or more"):
        contact_sheet(discs, n, side)
