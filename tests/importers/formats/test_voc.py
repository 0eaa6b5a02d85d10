import shutil

import numpy as np
import pytest
from PIL import Image

from cellbench.errors import DataError, SettingError

BOX = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def annotate(folder, stem, *boxes, filename=None):
    text = "".join(BOX.format(*box) for box in boxes)
    name = f"<filename>{filename or stem + '.png'}</filename>"
    (folder / "Annotations" / f"{stem}.xml").write_text(f"<annotation>{name}{text}</annotation>")


@pytest.fixture
def smears(tmp_path):
    """Twelve smears of 60 × 80 px, with boxes of two classes in each."""
    folder = tmp_path / "smears"
    (folder / "Annotations").mkdir(parents=True)
    (folder / "JPEGImages").mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        pixels = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "JPEGImages" / f"s{i:02}.png")
        annotate(folder, f"s{i:02}", ("red", 21, 21, 31, 35), ("white", 41, 21, 61, 41), ("red", 1, 1, 9, 9),
                 ("white", 51, 31, 71, 51))  # fmt: skip
    return folder


def test_each_box_becomes_a_centred_patch(smears, add):
    found = add("voc", smears, patch_size=16).patch_set
    assert len(found) == 48
    assert found.card.classes == ["red", "white"]
    entry = found.index.loc[1]
    assert (entry["source"], entry["label"], entry["x"], entry["y"]) == ("JPEGImages/s00.png", "white", 50.0, 30.0)
    image = np.asarray(Image.open(smears / entry["source"]))
    assert (found.patches[1] == image[23:39, 43:59]).all()  # even side: half a px off the centre of an odd box


def test_the_group_is_the_image(smears, add):
    found = add("voc", smears, patch_size=16).patch_set
    assert found.card.groups_known
    assert found.groups().tolist() == np.repeat(np.arange(12), 4).tolist()


def test_groups_can_be_found_in_the_path(smears, add):
    found = add("voc", smears, patch_size=16, group_pattern=r"s(\d\d)").patch_set
    assert sorted(set(found.index["group"])) == [f"{i:02}" for i in range(12)]


def test_the_radius_is_half_of_the_mean_side_and_the_card_says_so(smears, add):
    found = add("voc", smears, patch_size=16).patch_set
    assert found.radius_px([0, 1, 2]).tolist() == [6.0, 10.0, 4.0]
    assert found.card.cell_radius_source == "annotated"
    assert found.card.notes == "The radius of a cell is half of the mean side of its box."


def test_patches_beyond_the_border_are_reflected_or_dropped(smears, add):
    imported = add("voc", smears, patch_size=16)
    assert imported.patch_set.valid_box([2]).tolist() == [[3, 3, 16, 16]]
    assert imported.remarks == ["12 patches extend beyond the border of their image and are reflected there."]
    imported = add("voc", smears, patch_size=16, border="drop", min_per_class=10, replace=True)
    assert len(imported.patch_set) == 36
    assert imported.remarks == ["12 patches extend beyond the border of their image and were dropped."]


def test_boxes_without_area_and_duplicates_are_skipped_and_listed(smears, add):
    annotate(smears, "s00", ("red", 21, 21, 21, 35), ("red", 25, 25, 20, 35), ("red", 1, 1, 9, 9), ("red", 1, 1, 9, 9))
    imported = add("voc", smears, patch_size=16)
    assert imported.remarks[0] == (
        "3 boxes were skipped: Annotations/s00.xml box 1 (no area), Annotations/s00.xml box 2 (no area), "
        "Annotations/s00.xml box 4 (duplicate)."
    )
    assert len(imported.patch_set) == 45


def test_a_box_without_a_name_is_in_the_pool_only(smears, add):
    annotate(smears, "s00", ("", 21, 21, 31, 35))
    found = add("voc", smears, patch_size=16).patch_set
    assert found.index["label"].isna().sum() == 1


def test_the_size_of_the_patches_is_required(smears, add, nothing_written):
    with pytest.raises(SettingError, match="set their side with --patch-size PX"):
        add("voc", smears)


def test_all_problems_are_listed(smears, add, nothing_written):
    annotate(smears, "s00", ("red", "a", 1, 9, 9))
    annotate(smears, "s01", ("red", 181, 1, 191, 9))
    (smears / "Annotations" / "s02.xml").write_text("<annotation>")
    (smears / "JPEGImages" / "s03.png").unlink()
    (smears / "JPEGImages" / "s04.png").write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        add("voc", smears, patch_size=16)
    text = str(caught.value)
    assert "4 problems, so nothing was written" in text
    assert "s00.xml box 1: a side is missing or not a number" in text
    assert "Annotations/s02.xml: it is not readable XML" in text
    assert "Annotations/s03.xml: there is no image s03.* for it" in text
    assert "JPEGImages/s04.png: it is not a readable image" in text


def test_a_box_outside_its_image_is_named(smears, add, nothing_written):
    annotate(smears, "s01", ("red", 181, 1, 191, 9))
    with pytest.raises(DataError, match=r"s01\.png: the centre \(185, 4\) lies outside the image of 80 × 60 px"):
        add("voc", smears, patch_size=16)


def test_images_without_an_annotation_are_counted(smears, add):
    (smears / "Annotations" / "s00.xml").unlink()
    assert "1 images have no annotation." in add("voc", smears, patch_size=16).remarks


def test_an_annotation_beside_its_image_is_found_by_stem(smears, add):
    for path in (smears / "Annotations").iterdir():
        path.write_text(path.read_text().replace(".png</filename>", ".jpg</filename>"))
        path.rename(smears / "JPEGImages" / path.name)
    shutil.rmtree(smears / "Annotations")
    assert len(add("voc", smears, patch_size=16).patch_set) == 48


def test_a_folder_without_annotations_or_boxes_is_refused(smears, add):
    for path in (smears / "Annotations").iterdir():
        path.write_text("<annotation/>")
    with pytest.raises(DataError, match="contain no box; give a folder with boxes"):
        add("voc", smears, patch_size=16)
    shutil.rmtree(smears / "Annotations")
    with pytest.raises(DataError, match=r"no annotation \(\*\.xml\) in .*; give the folder that contains Annotations/"):
        add("voc", smears, patch_size=16)


@pytest.mark.slow
def test_bccd_has_its_boxes(real_data, add):
    imported = add("voc", real_data("bccd"), patch_size=64, max_per_class=100)
    assert imported.patch_set.index["label"].value_counts().to_dict() == {"Platelets": 100, "RBC": 100, "WBC": 100}
    assert "2 boxes were skipped: Annotations/BloodImage_00338.xml box 13 (no area)" in imported.remarks[0]
    assert "found: Platelets 361, RBC 4153, WBC 372" in " ".join(imported.remarks)
    assert imported.patch_set.card.groups_known


def test_boxes_that_extend_beyond_their_image_are_listed(smears, add):
    annotate(smears, "s00", ("red", -1, 21, 31, 35), ("red", 0, 0, 31, 35), ("white", 61, 41, 81, 61))
    annotate(smears, "s01", ("red", 51, 31, 82, 61), ("red", 51, 31, 81, 62))
    assert (
        "3 boxes extend beyond their image: Annotations/s00.xml box 1, Annotations/s01.xml box 1, "
        "Annotations/s01.xml box 2." in add("voc", smears, patch_size=16, min_per_class=10).remarks
    )
