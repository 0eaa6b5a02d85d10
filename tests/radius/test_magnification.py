"""Slides of two magnifications become slides of one, and nothing else of the data set changes."""

import numpy as np
import pandas as pd
import pytest
from drawn_cells import draw_cells, write_cells

from cellbench.errors import DataError
from cellbench.patches import write_patch_set
from cellbench.radius import estimate_radius
from cellbench.radius.magnification import find_group_scales, write_rescaled


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
    facts = {"class_order": [["b", "a"]], "class_frequencies": {"a": 1, "b": 4}}
    return write_patch_set(folder, patches=patches, masks=masks, index=index, name="mixture", **facts)


@pytest.fixture(scope="module")
def rescaled(mixture, tmp_path_factory):
    scales = find_group_scales(mixture)
    return scales, write_rescaled(mixture, scales, tmp_path_factory.mktemp("rescaled") / "rescaled", "rescaled")


def test_small_cells_are_magnified_and_large_ones_left(mixture, rescaled):
    scales, found = rescaled
    names = mixture.index.groupby(mixture.groups())["group"].first().astype(int)
    scale = dict(zip(names, scales.scale, strict=True))
    assert [scale[slide] for slide in range(5)] == pytest.approx([2] * 5, rel=0.15)
    assert [scale[slide] for slide in range(5, 10)] == pytest.approx([1] * 5, abs=0.15)
    assert np.isnan(scale[10]), "a radius cannot be estimated from five patches"
    radii = found.index.groupby(found.index["group"].astype(int))["radius_px"].median()
    assert radii.max() / radii.min() < 1.25, "it was 2"
    assert any(doubt.startswith("Groups differ") for doubt in estimate_radius(mixture).doubts)
    assert not any(doubt.startswith("Groups differ") for doubt in estimate_radius(found).doubts)


def test_classes_groups_and_roles_stay_and_small_groups_are_left_out(mixture, rescaled):
    _, found = rescaled
    kept = mixture.index[mixture.index["group"] != "10"].reset_index(drop=True)
    same = ["id", "label", "group", "in_pool", "in_labelled", "in_holdout"]
    pd.testing.assert_frame_equal(found.index[same], kept[same])
    assert found.card.classes == mixture.card.classes
    assert found.card.class_order == [["b", "a"]]
    assert found.card.class_frequencies == {"a": 1, "b": 4}
    assert found.card.origin == mixture.card.fingerprint
    assert "5 patches of groups without a radius estimate were left out" in found.card.notes


def test_contours_radii_and_padding_grow_with_the_patch(mixture, rescaled):
    scales, found = rescaled
    areas = found.masks.reshape(len(found), -1).sum(axis=1)
    assert np.median(np.sqrt(areas / np.pi) / found.radius_px()) == pytest.approx(1, abs=0.03)
    scale = scales.scale[mixture.groups()][0]
    assert found.valid_box([0]).tolist() == [[0, max(0, int(np.ceil(32 - 24 * scale))), 64, 64]]
    assert scale > 32 / 24, "otherwise the padding is still visible"


def test_labels_are_not_used_and_each_held_out_slide_is_estimated_alone(mixture, tmp_path):
    scales = find_group_scales(mixture)
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
    assert find_group_scales(other).radius_px[held] == scales.radius_px[held]


def test_a_data_set_without_groups_cannot_be_rescaled(tmp_path):
    patches, _, _ = draw_cells(n=60)
    with pytest.raises(DataError, match="has 20 patches or more"):
        find_group_scales(write_cells(tmp_path, patches, np.arange(60)))
