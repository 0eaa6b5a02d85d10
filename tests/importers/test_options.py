"""Classes in paths, and folders that are no classes."""

import numpy as np
import pytest
from drawn_cells import square_mask

from cellbench.errors import DataError, SettingError
from cellbench.importers import ImportOptions
from cellbench.importers.images import write_image

PATCHES = np.random.default_rng(0).integers(0, 256, (60, 24, 24, 3), dtype=np.uint8)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes 60 patches under the names that `name` returns for their numbers."""

    def patches(name):
        for i, patch in enumerate(PATCHES):
            write_image(tmp_path / "data" / name(i), patch)
        return tmp_path / "data"

    return patches


@pytest.mark.parametrize(
    "splits",
    [
        ("train", "test"),
        ("Training", "Validation", "TEST"),
        ("train_set", "dev"),
        ("fold_0", "fold_1"),
        ("split1", "Split-2"),
        ("train", "test", "unlabelled"),
    ],
)
def test_a_split_is_not_taken_for_classes(write, add, splits, nothing_written):
    folder = write(lambda i: f"{splits[i % len(splits)]}/{('lymphocyte', 'monocyte')[i // 7 % 2]}/{i}.png")
    with pytest.raises(DataError, match=r"look like a split .* Add --label-folder 2 .* \(lymphocyte, monocyte\)\. If"):
        add("folder", folder)


def test_the_class_can_be_the_second_or_the_last_folder(write, add):
    folder = write(lambda i: f"{('train', 'test')[i % 2]}/{('lymphocyte', 'monocyte')[i // 7 % 2]}/{i}.png")
    for number in (2, -1):
        found = add("folder", folder, label_folder=number, replace=True).patch_set
        assert found.card.classes == ["lymphocyte", "monocyte"]


def test_splits_can_be_the_classes_on_request(write, add):
    folder = write(lambda i: f"{('train', 'test')[i % 2]}/{'xy'[i // 7 % 2]}/{i}.png")
    assert add("folder", folder, label_folder=1).patch_set.card.classes == ["test", "train"]


def test_a_split_of_images_without_classes_is_refused(write, add, nothing_written):
    folder = write(lambda i: f"{('train', 'test')[i % 2]}/{i}.png")
    with pytest.raises(DataError, match=r"folders test/, train/ in .* split .* Give the class .* --label-pattern"):
        add("folder", folder)


@pytest.mark.parametrize("classes", [("test", "control"), ("latest", "training day"), ("fold", "split")])
def test_a_class_that_sounds_like_a_split_is_kept(write, add, classes):
    folder = write(lambda i: f"{classes[i % 2]}/{i}.png")
    assert add("folder", folder).patch_set.card.classes == sorted(classes)


def test_a_pattern_reads_the_class_below_a_split(write, add):
    folder = write(lambda i: f"{('train', 'test')[i % 2]}/{'XY'[i // 7 % 2]}_{i}.png")
    assert add("folder", folder, label_pattern="^([A-Z])_").patch_set.card.classes == ["X", "Y"]


def test_masks_refuse_and_read_a_split_in_the_same_manner(write, add):
    folder = write(lambda i: f"images/{('train', 'test')[i % 2]}/{'xy'[i // 7 % 2]}/{i}.png")
    for i in range(60):
        write_image(folder / "masks" / f"{i}.png", square_mask())
    with pytest.raises(DataError, match="look like a split"):
        add("masks", folder)
    assert add("masks", folder, label_folder=2).patch_set.card.classes == ["x", "y"]


def test_a_folder_number_that_finds_nothing_is_refused(write, add):
    folder = write(lambda i: f"{'ab'[i % 2]}/{i}.png")
    with pytest.raises(SettingError, match=r"--label-folder 2: no image is in that many folders below"):
        add("folder", folder, label_folder=2)
    with pytest.raises(SettingError, match="--label-pattern and --label-folder both name the class"):
        add("folder", folder, label_folder=1, label_pattern="a")
    with pytest.raises(ValueError, match="must be 1 for the first folder"):
        ImportOptions(label_folder=0)


@pytest.mark.parametrize("places", [("images", "masks"), ("Images", "Contours"), ("a/images", "a/mask")])
@pytest.mark.parametrize("pattern", [None, "([01])"])
def test_a_folder_of_masks_is_not_taken_for_a_class(write, add, places, pattern, nothing_written):
    folder = write(lambda i: f"{places[i % 2]}/{i}.png")
    with pytest.raises(DataError, match=rf"The folder {places[1]}/ in .* is beside images/ .* Use --from masks"):
        add("folder", folder, label_pattern=pattern)


def test_images_and_masks_can_be_classes_on_request(write, add):
    folder = write(lambda i: f"{('images', 'masks')[i % 2]}/{i}.png")
    assert add("folder", folder, label_folder=1).patch_set.card.classes == ["images", "masks"]


@pytest.mark.parametrize(
    "ending", ["_mask", "-Mask", "_masks", "_cp_masks", "_seg", "_label", "_contours", "_gt", "_segmentation", ".mask"]
)
def test_masks_beside_images_are_skipped_and_counted(write, add, ending):
    folder = write(lambda i: f"{'ab'[i % 2]}/{i}.png")
    for i in range(10):
        write_image(folder / "ab"[i % 2] / f"{i}{ending}.bmp", PATCHES[i])
    imported = add("folder", folder)
    assert len(imported.patch_set) == 60
    assert imported.remarks == [
        f"Skipped masks beside images of the same name: 10 × {ending}.bmp. "
        "To use them, import with --from masks, or with --from csv and a column mask."
    ]


def test_images_that_are_called_masks_are_kept(write, add):
    folder = write(lambda i: f"{'ab'[i % 2]}/{i}_mask.png")
    assert len(add("folder", folder).patch_set) == 60


def test_slides_above_the_classes_are_named(write, add):
    imported = add("folder", write(lambda i: f"slide{i % 2}/{'xy'[i // 7 % 2]}/{i}.png"))
    assert imported.remarks == [
        "The classes slide0, slide1 contain folders of the same names (x, y). If those are the classes, add "
        "--label-folder 2."
    ]
