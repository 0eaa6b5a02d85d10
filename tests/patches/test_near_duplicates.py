"""Near-duplicates: the same image again is found, and cells that are merely alike are not."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from cellbench.patches.duplicates import MIN_CORRELATION, STRICT_CORRELATION, near_duplicates, thumbnail
from cellbench.patches.folds import pool_folds
from cellbench.patches.write import write_patch_set

SIDE = 96


def cells(n, seed=0):
    """Return patches of smooth random texture, all different, uint8, shape (n, SIDE, SIDE, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (n, 12, 12, 3), dtype=np.uint8)
    return np.stack(
        [np.asarray(Image.fromarray(each).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for each in coarse]
    )


def compressed(patch, quality=60):
    file = io.BytesIO()
    Image.fromarray(patch).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file, formats=["JPEG"]))


AGAIN = {
    "compressed": compressed,
    "turned": lambda patch: np.rot90(patch),
    "mirrored and compressed": lambda patch: compressed(np.ascontiguousarray(patch[:, ::-1])),
    "transposed": lambda patch: patch.swapaxes(0, 1),
    "brighter": lambda patch: (20 + 0.85 * patch).astype(np.uint8),
    "blurred": lambda patch: np.asarray(Image.fromarray(patch).filter(ImageFilter.GaussianBlur(1))),
}


def clusters(patches):
    patches = [np.ascontiguousarray(patch) for patch in patches]
    return near_duplicates(
        np.stack([thumbnail(patch) for patch in patches]), [patch.tobytes().hex() for patch in patches]
    )


@pytest.mark.parametrize("how", AGAIN)
def test_the_same_image_again_is_found_and_no_other(how):
    patches = cells(60)
    found = clusters([*patches, AGAIN[how](patches[7])])
    assert (found.n_patches, found.too_many) == (1, False)
    assert found.cluster[60] == found.cluster[7]
    assert len(set(found.cluster)) == 60


def test_it_agrees_with_a_comparison_of_all_pairs():
    """The hash leaves no pair out that a slow comparison finds."""
    rng = np.random.default_rng(1)
    base = cells(80, seed=1).astype(float)
    blend = base[:40] + rng.uniform(0, 0.3, (40, 1, 1, 1)) * (base[40:] - base[:40])
    patches = np.concatenate([base[:40], blend, cells(500, seed=2)]).clip(0, 255).astype(np.uint8)
    small = np.stack([thumbnail(patch) for patch in patches]).reshape(len(patches), -1).astype(float)
    expected = {(i, i + 40) for i in range(40) if np.corrcoef(small[i], small[i + 40])[0, 1] >= MIN_CORRELATION}
    assert 5 < len(expected) < 40
    found = clusters(patches)
    assert {(i, i + 40) for i in range(40) if found.cluster[i] == found.cluster[i + 40]} == expected
    assert found.n_patches == len(expected)


def test_where_most_patches_look_alike_they_are_not_joined():
    noise = np.random.default_rng(0).integers(-3, 4, (50, SIDE, SIDE, 3))
    found = clusters((cells(1) + noise).clip(0, 255).astype(np.uint8))
    assert found.too_many
    assert len(set(found.cluster)) == 50


def test_a_set_of_which_every_patch_has_a_mirrored_copy_is_joined():
    patches = cells(40)
    found = clusters([*patches, *patches[:, :, ::-1]])
    assert not found.too_many
    assert found.limit == STRICT_CORRELATION
    assert found.cluster[:40].tolist() == found.cluster[40:].tolist()
    assert len(set(found.cluster)) == 40


def test_blank_patches_are_not_alike():
    blank = np.full((30, SIDE, SIDE, 3), 1, np.uint8) * np.arange(30, dtype=np.uint8)[:, None, None, None]
    assert clusters([*blank, *cells(30)]).n_patches == 0


def write(folder, patches, groups):
    index = pd.DataFrame({"label": ["a", "b"] * (len(patches) // 2), "group": groups})
    return write_patch_set(folder, patches=np.asarray(patches), index=index, name="near", seed=0, min_per_class=5)


def test_near_duplicates_share_a_group_and_the_card_says_so(tmp_path):
    patches = list(cells(80))
    patches[41], patches[71] = compressed(patches[1]), np.ascontiguousarray(np.rot90(patches[1]))
    found = write(tmp_path / "set", patches, [f"slide{n // 8}" for n in range(80)])
    groups, rows = found.index["group"], [1, 41, 71]
    assert groups.iloc[rows].nunique() == 1
    assert groups.nunique() == 8
    for column in ("in_pool", "in_labelled", "in_holdout"):
        assert found.index[column].iloc[rows].nunique() == 1
    pool = found.rows("pool")
    for train, test in pool_folds(found.groups(pool)):
        assert not (set(pool[train]) & set(rows) and set(pool[test]) & set(rows))
    assert "2 patches are near-duplicates of others" in found.card.notes
    assert "up to 3 together" in found.card.notes
    assert "10 groups became 8" in found.card.notes


def test_given_roles_and_groups_are_kept(tmp_path):
    patches = list(cells(80))
    patches[41] = compressed(patches[1])
    role = np.arange(80) // 2 % 4
    index = pd.DataFrame(
        {"label": ["a", "b"] * 40, "in_pool": role < 2, "in_labelled": role == 2, "in_holdout": role == 3}
    )
    found = write_patch_set(tmp_path / "set", patches=np.asarray(patches), index=index, name="near")
    assert found.index["group"].nunique() == 80


def test_the_known_pair_of_pbc_is_found(real_data):
    folder = real_data("pbc") / "monocyte"
    pair = ["MO_231316.jpg", "MO_415531.jpg"]
    names = sorted({*[path.name for path in sorted(folder.glob("*.jpg"))[:150]], *pair})
    paths = [folder / name for name in names]
    patches = [np.asarray(Image.open(path, formats=["JPEG"]).convert("RGB"))[:360, :360] for path in paths]
    found = clusters(patches)
    alike = [names[i] for i in range(len(names)) if (found.cluster == found.cluster[i]).sum() > 1]
    assert alike == pair
