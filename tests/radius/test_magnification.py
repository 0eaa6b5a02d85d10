"""Slides of two magnifications become slides of one, and nothing else of the data set changes."""

import numpy as np
import pandas as pd
import pytest
from drawn_cells import draw_cells, write_cells

from cellbench.errors import DataError
from cellbench.patches import write_patch_set
from cellbench.radius import estimate_radius
from cellbench.radius.magnification import find_group_scales, write_levelled


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    """Ten slides of 30 patches, cells of 9 px in the first five and of 18 px in the others, and a slide of 5."""
    patches, groups, radii = draw_cells(n=305, radius=np.where(np.arange(305) % 10 < 5, 9.0, 18.0), n_groups=10)
    groups[300:] = 10
    axis = np.arange(64) - 31.5
    masks = np.hypot(axis[:, None], axis[None]) <= radii[:, None, None]
    index = pd.DataFrame(
        {
            "label": np.where(np.arange(305) // 10 % 2, "a", "b"),
            "group": groups.astype(str),
            "radius_px": radii,
            "valid_left": np.where(np.arange(305) == 0, 8, 0),
            "valid_top": 0,
            "valid_right": 64,
            "valid_bottom": 64,
        }
    )
    folder = tmp_path_factory.mktemp("mixture") / "mixture"
    return write_patch_set(folder, patches=patches, masks=masks, index=index, name="mixture")


@pytest.fixture(scope="module")
def levelled(mixture, tmp_path_factory):
    levels = find_group_scales(mixture)
    return levels, write_levelled(mixture, levels, tmp_path_factory.mktemp("levelled") / "levelled", "levelled")


def test_small_cells_are_magnified_and_large_ones_left(mixture, levelled):
    levels, found = levelled
    names = mixture.index.groupby(mixture.groups())["group"].first().astype(int)
    zoom = dict(zip(names, levels.zoom, strict=True))
    assert [zoom[slide] for slide in range(5)] == pytest.approx([2] * 5, rel=0.15)
    assert [zoom[slide] for slide in range(5, 10)] == pytest.approx([1] * 5, abs=0.15)
    assert np.isnan(zoom[10]), "five patches tell no radius"
    radii = found.index.groupby(found.index["group"].astype(int))["radius_px"].median()
    assert radii.max() / radii.min() < 1.25, "it was 2"
    assert any(doubt.startswith("Groups differ") for doubt in estimate_radius(mixture).doubts)
    assert not any(doubt.startswith("Groups differ") for doubt in estimate_radius(found).doubts)


def test_classes_groups_and_roles_stay_and_small_groups_are_left_out(mixture, levelled):
    _, found = levelled
    kept = mixture.index[mixture.index["group"] != "10"].reset_index(drop=True)
    same = ["id", "label", "group", "in_pool", "in_labelled", "in_holdout"]
    pd.testing.assert_frame_equal(found.index[same], kept[same])
    assert found.card.classes == mixture.card.classes
    assert found.card.origin == mixture.card.fingerprint
    assert "5 patches of groups too small to tell were left out" in found.card.notes


def test_contours_radii_and_padding_grow_with_the_patch(mixture, levelled):
    levels, found = levelled
    areas = found.masks.reshape(len(found), -1).sum(axis=1)
    assert np.median(np.sqrt(areas / np.pi) / found.radius_px()) == pytest.approx(1, abs=0.03)
    zoom = levels.zoom[mixture.groups()][0]
    assert found.valid_box([0]).tolist() == [[0, max(0, int(np.ceil(32 - 24 * zoom))), 64, 64]]
    assert zoom > 32 / 24, "else the padding would still be seen"


def test_labels_are_not_looked_at_and_each_held_out_slide_is_judged_alone(mixture, tmp_path):
    levels = find_group_scales(mixture)
    codes = mixture.groups()
    held = np.unique(codes[mixture.index["in_holdout"].to_numpy()])[0]
    without = mixture.patches.copy()
    without[codes != held] = without[codes != held][:, ::-1]  # other slides changed, mirrored
    other = write_patch_set(
        tmp_path / "other",
        patches=without,
        index=mixture.index.drop(columns="content_hash").assign(label=mixture.index["label"].to_numpy()[::-1]),
        name="other",
    )
    assert find_group_scales(other).radius_px[held] == levels.radius_px[held]


def test_a_set_without_groups_cannot_be_levelled(tmp_path):
    patches, _, _ = draw_cells(n=60)
    with pytest.raises(DataError, match="has 20 patches or more"):
        find_group_scales(write_cells(tmp_path, patches, np.arange(60)))
