import re

import numpy as np
import pytest
from PIL import Image

from cellbench.errors import DataError, NotFoundError, SettingError, StoreError
from cellbench.importers import ImportOptions, build


def pixels_of(path):
    return np.asarray(Image.open(path))


def test_the_folder_is_the_class(class_folders, add):
    found = add("folder", class_folders).patch_set
    assert found.card.classes == ["a", "b"]
    assert not found.card.groups_known
    assert found.card.name == "x"
    assert found.card.source == "folder: images"
    for row in (0, 31, 59):
        entry = found.index.loc[row]
        assert (found.patches[row] == pixels_of(class_folders / entry["source"])).all()
        assert entry["source"].startswith(entry["label"] + "/")


def test_every_row_has_a_role_and_a_group_of_its_own(class_folders, add):
    found = add("folder", class_folders).patch_set
    assert sorted([*found.rows("pool"), *found.rows("holdout")]) == list(range(60))
    assert len(set(found.groups())) == 60


def test_the_class_can_be_in_the_file_name(class_folders, add):
    found = add("folder", class_folders, label_pattern="^(?P<label>[A-Z]+)_").patch_set
    assert found.card.classes == ["A", "B"]


def test_an_image_without_a_class_is_named_and_in_the_pool_only(class_folders, add):
    (class_folders / "a" / "A_00.png").rename(class_folders / "a" / "odd.png")
    imported = add("folder", class_folders, label_pattern="^(?P<label>[A-Z]+)_")
    assert imported.remarks == ["1 images have no class and are in the pool only: a/odd.png."]
    index = imported.patch_set.index.set_index("source")
    assert index.loc["a/odd.png", "in_pool"]
    assert not index.loc["a/odd.png", "in_labelled"]


def test_groups_come_from_the_path(class_folders, add):
    found = add("folder", class_folders, group_pattern=r"_(?P<group>\d)\d\.png$").patch_set
    assert found.card.groups_known
    assert sorted(set(found.index["group"])) == list("012345")


def test_an_image_without_a_group_is_refused(class_folders, add, nothing_written):
    (class_folders / "a" / "A_00.png").rename(class_folders / "a" / "A_x.png")
    with pytest.raises(
        DataError, match=r"1 problem, so nothing was written: a/A_x\.png: --group-pattern finds no group"
    ):
        add("folder", class_folders, group_pattern=r"_(?P<group>\d)")


def test_classes_can_be_renamed_and_joined(class_folders, add):
    assert add("folder", class_folders, rename={"a": "z"}).patch_set.card.classes == ["b", "z"]
    with pytest.raises(SettingError, match=r"unknown classes \(c\); the classes are: a, b"):
        add("folder", class_folders, rename={"c": "z"}, replace=True)


def test_images_of_different_sizes_are_cropped_to_the_smallest_side(class_folders, add):
    path = class_folders / "a" / "A_00.png"
    wide = np.random.default_rng(0).integers(0, 255, (21, 30, 3), dtype=np.uint8)
    Image.fromarray(wide).save(path)
    imported = add("folder", class_folders)
    assert imported.patch_set.card.native_size == 21
    row = int(np.flatnonzero(imported.patch_set.index["source"] == "a/A_00.png")[0])
    assert (imported.patch_set.patches[row] == wide[:, 5:26]).all()
    assert "centre-cropped to the smallest side, 21 px (a/A_00.png; --patch-size 24 would" in imported.remarks[0]
    assert (imported.patch_set.valid_box() == [0, 0, 21, 21]).all()


def test_a_larger_patch_is_reflected_outside_its_valid_box(class_folders, add):
    imported = add("folder", class_folders, patch_size=30)
    assert (imported.patch_set.valid_box() == [3, 3, 27, 27]).all()
    patch = imported.patch_set.patches[0]
    original = pixels_of(class_folders / imported.patch_set.index["source"][0])
    assert (patch == np.pad(original, ((3, 3), (3, 3), (0, 0)), mode="reflect")).all()
    assert imported.remarks == ["60 patches extend beyond the border of their image and are reflected there."]


def test_at_most_max_per_class_patches_are_kept(class_folders, add):
    sources = []
    for seed in (0, 0, 1):
        imported = add("folder", class_folders, replace=True, max_per_class=25, seed=seed)
        assert imported.patch_set.index["label"].value_counts().to_dict() == {"a": 25, "b": 25}
        assert imported.remarks == ["Kept at most 25 patches of a class; found: a 30, b 30."]
        sources.append(imported.patch_set.index["source"].tolist())
    assert sources[0] == sources[1] != sources[2]


def test_a_rare_class_is_left_out_of_the_scores(class_folders, add):
    for i in range(11):
        (class_folders / "b" / f"B_{2 * i + 1:02}.png").unlink()
    (class_folders / "c").mkdir()
    for path in sorted((class_folders / "b").iterdir()):
        path.rename(class_folders / "c" / path.name)
    with pytest.raises(
        DataError, match=r"images cannot become a data set\. Fewer than two classes .* lower --min-per-class"
    ):
        add("folder", class_folders)
    assert add("folder", class_folders, min_per_class=19).patch_set.card.classes == ["a", "c"]


def test_few_groups_are_refused(class_folders, add, nothing_written):
    with pytest.raises(DataError, match="There are 2 groups and five folds need 5"):
        add("folder", class_folders, group_pattern="^(a|b)/")


def test_files_that_are_not_images_are_reported(class_folders, add):
    (class_folders / "a" / "notes.db").write_bytes(b"x")
    assert add("folder", class_folders).remarks == ["Skipped files that are not images: 1 × .db."]


def test_grey_images_are_counted(class_folders, add):
    path = class_folders / "a" / "A_00.png"
    Image.open(path).convert("L").save(path)
    assert add("folder", class_folders).remarks == ["1 grey image was copied to red, green and blue."]


def test_all_bad_images_are_named_with_their_error(class_folders, add, nothing_written):
    a = class_folders / "a"
    (a / "A_00.png").write_bytes(b"")
    (a / "A_02.png").write_bytes((a / "A_02.png").read_bytes()[:-300])  # its header is valid
    Image.fromarray(np.zeros((24, 24), np.uint16)).save(a / "A_04.png")
    Image.fromarray(np.zeros((24, 24, 4), np.uint8)).save(a / "A_06.png")
    with pytest.raises(DataError, match=r"images has 4 problems, so nothing was written:\n  ") as caught:
        add("folder", class_folders)
    reasons = (
        "00.png: it is not a readable",
        "02.png: it is damaged or trunc",
        "04.png: ",
        "06.png: it has transparent",
    )
    assert all(f"  a/A_{reason}" in str(caught.value) for reason in reasons)
    for name in ("A_00.png", "A_04.png"):
        (a / name).unlink()
    with pytest.raises(
        DataError, match=r"2 problems[^~]*a/A_02\.png: it is damaged[^~]*\n  a/A_06\.png: .*transparent"
    ):
        add("folder", class_folders)


def test_every_one_of_many_bad_images_is_named(class_folders, add, nothing_written):
    for path in class_folders.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"has 60 problems[^~]*\nCorrect or remove") as caught:
        add("folder", class_folders)
    assert len([one for one in caught.value.problems if "not a readable image" in one]) == 60
    assert len(re.findall(r"\n  .*not a readable image", str(caught.value))) == 20
    assert "\n  and 40 more\n" in str(caught.value)


def test_one_small_image_does_not_crop_all_others(class_folders, add, nothing_written):
    Image.fromarray(np.zeros((10, 30, 3), np.uint8)).save(class_folders / "a" / "A_00.png")
    with pytest.raises(
        DataError, match=r"a/A_00\.png has a side of only 10 px, but most images have 24 px: 1 small image would"
    ):
        add("folder", class_folders)


def test_a_tiny_image_is_named(class_folders, add, nothing_written):
    Image.fromarray(np.zeros((7, 30, 3), np.uint8)).save(class_folders / "a" / "A_00.png")
    with pytest.raises(DataError, match=r"a/A_00\.png has a side of only 7 px; remove it, or set --patch-size"):
        add("folder", class_folders)


@pytest.mark.parametrize(
    ("name", "message"), [("nothing", "There is no folder"), ("file", "is a file; give the folder")]
)
def test_a_path_that_is_not_a_folder_is_refused(tmp_path, add, name, message):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=message):
        add("folder", tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path, add):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"There is no image in .*empty; known suffixes: \.bmp, \.jpeg"):
        add("folder", tmp_path / "empty")


def test_an_existing_set_is_kept_unless_it_is_replaced(class_folders, add):
    first = add("folder", class_folders).patch_set.card.fingerprint
    with pytest.raises(StoreError, match="exists already"):
        add("folder", class_folders, seed=1)
    assert add("folder", class_folders, seed=1, replace=True).patch_set.card.fingerprint != first


def test_an_unknown_format_is_answered_with_the_known_ones(class_folders, add):
    with pytest.raises(
        NotFoundError, match=r"There is no importer 'folders'; did you mean 'folder'\? Known: csv, folder"
    ):
        add("folders", class_folders)


def test_an_option_of_another_format_is_refused(class_folders, add):
    with pytest.raises(SettingError, match="--labels has no effect with --from folder; remove it"):
        add("folder", class_folders, labels="x.csv")


@pytest.mark.parametrize("change", [{"patch_size": 7}, {"label_pattern": "("}, {"border": "wrap"}, {"colour": 1}])
def test_wrong_options_are_refused(change):
    with pytest.raises(ValueError, match="validation error"):
        ImportOptions(**change)


def test_the_radius_can_be_given(class_folders, add):
    card = add("folder", class_folders, cell_radius=6, um_per_px=0.1).patch_set.card
    assert (card.cell_radius_px, card.cell_radius_source, card.um_per_px) == (6.0, "annotated", 0.1)


def test_a_radius_larger_than_the_patch_is_refused(class_folders, add):
    with pytest.raises(SettingError, match=r"--cell-radius 13: the cell does not fit into patches of 24 px"):
        add("folder", class_folders, cell_radius=13)


def test_progress_is_reported_to_the_end(class_folders, tmp_path):
    seen = []
    options = ImportOptions(max_per_class=20)
    build.import_patch_set(
        tmp_path / "x", "x", "folder", class_folders, options, progress=lambda *now: seen.append(now)
    )
    assert seen == [(i + 1, 40) for i in range(40)]


def test_pbc_has_its_eleven_types(real_data, add):
    imported = add("folder", real_data("pbc"), label_pattern="^(?P<label>[A-Z]+)_", max_per_class=20)
    card = imported.patch_set.card
    assert card.classes == ["BA", "BNE", "EO", "ERB", "LY", "MMY", "MO", "MY", "PLATELET", "PMY", "SNE"]
    assert card.native_size == 360
    assert len(imported.patch_set) == 220


def test_links_to_folders_are_followed_once(class_folders, add, tmp_path):
    (class_folders / "a").rename(tmp_path / "elsewhere")
    (class_folders / "a").symlink_to(tmp_path / "elsewhere")
    (class_folders / "b" / "round").symlink_to(class_folders)
    found = add("folder", class_folders).patch_set
    assert len(found) == 60
    assert found.card.classes == ["a", "b"]


def test_a_label_pattern_that_finds_nothing_is_named(class_folders, add):
    with pytest.raises(SettingError, match=r"--label-pattern '\^zzz' finds no class in any of 60 file names"):
        add("folder", class_folders, label_pattern="^zzz")
