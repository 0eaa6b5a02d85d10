import numpy as np
import pytest
from PIL import Image

from cellbench.errors import DataError, SettingError
from cellbench.importers.problems import ProblemsError


@pytest.fixture
def pairs(tmp_path):
    """60 images of 24 px with masks, and their classes in labels.csv without leading zeros."""
    root = tmp_path / "pairs"
    (root / "images").mkdir(parents=True)
    (root / "contours").mkdir()
    axis = np.arange(24) - 11.5
    distance = np.hypot(axis[:, None], axis[None])
    lines = ["image ID,class label"]
    for i in range(60):
        rng = np.random.default_rng(i)
        radius = 5 + i % 2 * 3
        mask = np.where(distance <= radius / 2, 255, np.where(distance <= radius, 128, 0)).astype(np.uint8)
        Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(root / "images" / f"{i:03}.bmp")
        Image.fromarray(mask).save(root / "contours" / f"{i:03}.png")
        lines.append(f"{i},{1 + i % 2}")
    (root / "labels.csv").write_text("\n".join(lines))
    return root


def test_masks_give_contours_and_radii(pairs, add):
    found = add("masks", pairs).patch_set
    assert found.masks.dtype == np.uint8
    for row in (0, 1):
        mask = np.asarray(Image.open(pairs / "contours" / f"{row:03}.png")) > 0
        assert (found.masks[row] == mask).all()
        assert found.radius_px([row])[0] == pytest.approx(np.sqrt(mask.sum() / np.pi))
    assert found.card.cell_radius_source == "annotated"
    assert found.card.classes == ["1", "2"]


def test_a_radius_is_measured_before_cropping_and_a_mask_is_never_reflected(pairs, add):
    larger = add("masks", pairs, patch_size=30).patch_set
    assert (larger.masks[1][3:27, 3:27] == (np.asarray(Image.open(pairs / "contours" / "001.png")) > 0)).all()
    assert larger.masks[1].sum() == larger.masks[1][3:27, 3:27].sum()
    smaller = add("masks", pairs, patch_size=8, replace=True).patch_set
    assert smaller.masks[1].all()
    assert smaller.radius_px([1])[0] == larger.radius_px([1])[0]


def test_classes_can_be_in_another_file_by_full_name(pairs, add, tmp_path):
    names = [f"{i:03}.bmp\t{'xy'[i % 2]}" for i in range(60)]
    (tmp_path / "other.tsv").write_text("\n".join(["image\tclass", *names]))
    found = add("masks", pairs, labels=str(tmp_path / "other.tsv")).patch_set
    assert found.card.classes == ["x", "y"]


def test_classes_can_be_folders_or_in_the_name(pairs, add):
    (pairs / "labels.csv").unlink()
    found = add("masks", pairs, label_pattern=r"([01])\.bmp", min_per_class=3, group_pattern=r"(\d\d)\.").patch_set
    assert found.card.classes == ["0", "1"]
    assert found.index["label"].isna().sum() == 48
    for path in sorted((pairs / "images").iterdir()):
        folder = pairs / "images" / ("even" if int(path.stem) % 2 == 0 else "odd")
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    assert add("masks", pairs, replace=True).patch_set.card.classes == ["even", "odd"]


def test_images_that_are_not_in_the_table_are_in_the_pool_only(pairs, add):
    text = (pairs / "labels.csv").read_text().splitlines()
    (pairs / "labels.csv").write_text("\n".join(line for line in text if line != "7,2"))
    assert add("masks", pairs).remarks[0] == "1 images have no class and are in the pool only: 007.bmp."


def test_all_problems_are_listed(pairs, add, nothing_written):
    (pairs / "contours" / "000.png").unlink()
    Image.fromarray(np.zeros((24, 24), np.uint8)).save(pairs / "contours" / "001.bmp")
    with (pairs / "labels.csv").open("a") as file:
        file.write("\n5,1\n99,1\n")
    with pytest.raises(DataError) as caught:
        add("masks", pairs)
    text = str(caught.value)
    assert "images/000.bmp: 0 masks have its name" in text
    assert "images/001.bmp: 2 masks have its name" in text
    assert "labels.csv line 62: the image '5' occurs twice" in text
    assert "labels.csv line 63: there is no image '99'" in text


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((24, 24), np.uint8), r"images/003\.bmp: its mask contours/003\.png is empty"),
        (np.ones((24, 24), np.uint8), r"its mask contours/003\.png covers the whole image, so it has no contour"),
        (
            np.triu(np.ones((24, 24), np.uint8), 4),
            r"its mask contours/003\.png does not cover the centre \(11\.5, 11\.5\)",
        ),
        (
            np.tile(np.arange(24, dtype=np.uint8), (24, 1)),
            r"contours/003\.png has smoothed edges \(23 values \(1, 2, 3, 4, …\)",
        ),
        (np.ones((20, 24), np.uint8), r"its mask contours/003\.png is \(24, 20\) px, not \(24, 24\) px"),
        (None, r"its mask contours/003\.png cannot be used: it is not a readable image"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(pairs, add, nothing_written, mask, message):
    path = pairs / "contours" / "003.png"
    if mask is None:
        path.write_bytes(b"x")
    else:
        Image.fromarray(mask).save(path)
    with pytest.raises(DataError, match=message):
        add("masks", pairs)


def test_masks_without_an_image_are_reported(pairs, add):
    (pairs / "images" / "059.bmp").unlink()
    text = (pairs / "labels.csv").read_text().splitlines()[:-1]
    (pairs / "labels.csv").write_text("\n".join(text))
    assert add("masks", pairs).remarks[0] == "1 masks have no image: contours/059.png."


def test_a_folder_without_the_two_folders_is_refused(tmp_path, add):
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"must contain two folders, images/ and masks/ \(or contours/\)"):
        add("masks", tmp_path)


def test_a_file_of_one_column_is_refused(pairs, add):
    (pairs / "labels.csv").write_text("image\n1\n")
    with pytest.raises(DataError, match=r"labels\.csv has no column .*label; its columns are image"):
        add("masks", pairs)


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("image ID,class label", "{image},{label}"),
        ("class;image", "{label};{image}"),
        ("number\tlabel\tpath", "9\t{label}\t{image}"),
        (",path,label", "9,{image},{label}"),
    ],
)
def test_columns_of_classes_are_found_by_their_names(pairs, add, header, order):
    lines = [order.format(image=i, label="xy"[i % 2]) for i in range(60)]
    (pairs / "labels.csv").write_text("\n".join([header, *lines]))
    assert add("masks", pairs).patch_set.index["label"].tolist() == ["x", "y"] * 30


def test_columns_of_classes_can_be_named(pairs, add):
    lines = [f"{i},{'xy'[i % 2]},{'vw'[i % 2]}" for i in range(60)]
    (pairs / "labels.csv").write_text("\n".join(["number,first,second", *lines]))
    with pytest.raises(DataError, match=r"has no column path and label; its columns are number, first, second\. If"):
        add("masks", pairs)
    found = add("masks", pairs, column={"path": "number", "label": "second"}).patch_set
    assert found.card.classes == ["v", "w"]


def test_a_table_of_classes_without_a_header_is_named(pairs, add):
    text = (pairs / "labels.csv").read_text()
    (pairs / "labels.csv").write_text(text.partition("\n")[2])
    with pytest.raises(
        DataError, match=r"has no header, because its first line names the image '0'; add the line path,"
    ):
        add("masks", pairs)


def test_problems_of_the_table_of_classes_have_its_lines(pairs, add, nothing_written):
    with (pairs / "labels.csv").open("a") as file:
        file.write("\n\n,1\n99,a\n")
    with pytest.raises(ProblemsError) as caught:
        add("masks", pairs)
    assert caught.value.problems == [
        "labels.csv line 63: it has no image",
        "labels.csv line 64: there is no image '99'",
    ]


def test_wbc1_has_contours_and_one_basophil_too_few(real_data, add):
    imported = add("masks", real_data("wbc1"), patch_size=120)
    card = imported.patch_set.card
    assert card.classes == ["1", "2", "3", "4"]
    assert card.unscored_classes == {"5": 1}
    assert card.cell_radius_px == pytest.approx(37.4, abs=0.1)
    assert imported.patch_set.masks.shape == (300, 120, 120)


def test_folders_are_found_in_any_case_and_only_once(pairs, add):
    (pairs / "images").rename(pairs / "Images")
    (pairs / "contours").rename(pairs / "Masks")
    assert len(add("masks", pairs).patch_set) == 60
    (pairs / "contours").mkdir()
    with pytest.raises(DataError, match=r"contains Masks/ and contours/; keep one of them"):
        add("masks", pairs)


@pytest.mark.parametrize("option", [{"label_pattern": "x"}, {"label_folder": 1}])
def test_an_option_that_a_table_of_classes_would_hide_is_refused(pairs, add, option):
    with pytest.raises(
        SettingError, match=r"classes come from .*labels\.csv\. Remove --label-pattern or --label-folder"
    ):
        add("masks", pairs, **option)


def test_a_mask_shows_the_cell_at_the_centre_only(pairs, add):
    path = pairs / "contours" / "003.png"
    mask = np.array(Image.open(path))
    alone = mask > 0
    mask[0, :3] = 128
    Image.fromarray(mask).save(path)
    imported = add("masks", pairs)
    assert (imported.patch_set.masks[3] == alone).all()
    assert imported.patch_set.radius_px([3])[0] == pytest.approx(np.sqrt(alone.sum() / np.pi))
    assert imported.remarks == [
        "60 cells have several grey levels in their masks, read as parts of one cell; --mask-values cells reads each "
        "level as another cell.",
        "1 masks show more than the cell at the centre; only it is used.",
    ]


def test_values_of_a_mask_can_be_cells(pairs, add):
    found = add("masks", pairs, mask_values="cells").patch_set
    mask = np.asarray(Image.open(pairs / "contours" / "000.png"))
    assert (found.masks[0] == (mask == 255)).all()


def test_masks_in_jpeg_have_the_annotated_radius(pairs, add):
    for path in sorted((pairs / "contours").iterdir()):
        mask = np.asarray(Image.open(path)) > 0
        path.unlink()
        Image.fromarray((255 * mask).astype(np.uint8)).save(path.with_suffix(".jpg"), quality=75)
    found = add("masks", pairs).patch_set
    assert found.radius_px([1])[0] == pytest.approx(np.sqrt(mask.sum() / np.pi))


def test_an_image_and_a_mask_that_may_be_turned_are_refused(pairs, add, nothing_written):
    exif = Image.Exif()
    exif[0x0112] = 6
    for folder, stem in (("images", "001"), ("contours", "002"), ("images", "003"), ("contours", "003")):
        path = next((pairs / folder).glob(f"{stem}.*"))
        image = Image.open(path)
        image.load()
        path.unlink()
        image.save(path.with_suffix(".png"), exif=exif)
    with pytest.raises(DataError) as caught:
        add("masks", pairs)
    text = str(caught.value)
    assert "2 problems" in text
    assert (
        "images/001.png: its EXIF orientation is 6, but that of its mask contours/001.png is 1, so they may be" in text
    )
    assert "images/002.bmp: its EXIF orientation is 1, but that of its mask contours/002.png is 6" in text


def test_patches_inside_their_cell_are_counted(pairs, add):
    imported = add("masks", pairs, patch_size=8)
    assert (imported.patch_set.masks == 1).all()
    assert (
        "60 patches lie wholly inside their cell, so they show nothing of its contour; a larger --patch-size would."
        in imported.remarks
    )
