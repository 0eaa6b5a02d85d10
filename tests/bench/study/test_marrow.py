import numpy as np
import pytest
from PIL import Image

from bench.study.image_statistics import disc_weights, pca_features, probe_f1, ring_table, shrink, shrink_masks
from bench.study.marrow import main
from cellbench.marrow import BUILTIN, Builtin, MarrowSpec


@pytest.fixture
def discs():
    """A hundred discs of radius 64 of 256 px, each of one random colour, on noise."""
    rng = np.random.default_rng(0)
    axis = (np.arange(32) - 15.5) * 8
    inside = np.hypot(axis[:, None], axis[None, :]) <= 64
    colours = rng.uniform(0, 1, (100, 1, 1, 3))
    images = np.where(inside[None, :, :, None], colours, rng.uniform(0, 1, (100, 32, 32, 3))).astype(np.float32)
    return images, inside, colours[:, 0, 0]


def test_rings_are_predictable_up_to_the_radius_and_not_beyond(discs):
    rows = ring_table(discs[0], np.arange(100) // 5)
    assert min(row["r2"] for row in rows if 20 < row["distance"] < 55) > 0.8
    assert max(row["r2"] for row in rows if row["distance"] > 75) < 0.1
    assert rows[-1]["distance"] == 124


def test_weights_remove_the_surroundings_from_the_features(discs):
    images, inside, colours = discs
    labels = np.array(["dark", "bright"])[(colours.mean(axis=1) > 0.5).astype(int)]
    inner = pca_features(images, np.repeat(inside[None].astype(np.float32), 100, axis=0))
    strength = np.linalg.svd(inner, compute_uv=False)
    assert strength[3] < 1e-3 * strength[2]  # one colour a patch, three numbers
    f1, by_class = probe_f1(inner[:, :3], labels, np.arange(100) // 5)
    assert f1 > 0.7
    assert set(by_class) == {"dark", "bright"}


def test_patches_and_masks_shrink_by_area():
    patch = np.zeros((64, 64, 3), np.uint8)
    patch[:, 1::2] = 255
    assert shrink([patch, patch]).shape == (2, 32, 32, 3)
    assert np.allclose(shrink([patch]), 0.5, atol=0.01)
    assert np.allclose(shrink_masks([patch[..., 0] // 255]), 0.5, atol=0.01)


def test_a_disc_covers_its_area():
    assert disc_weights(3, 64).shape == (3, 32, 32)
    assert disc_weights(1, 64).sum() * 64 == pytest.approx(np.pi * 64**2, rel=0.05)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:The least populated class")
def test_the_program_compares_real_images_with_marrow(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(BUILTIN, "marrow-mini", Builtin(MarrowSpec(n_patches=120, n_slides=8, size=24), "tiny"))
    rng = np.random.default_rng(0)
    for number in range(40):
        pixels = rng.integers(0, 255, (20, 21, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{'AB'[number % 2]}_{number}.png")
    assert main(["compare", "--real", str(tmp_path), "--processes", "1"]) == 0
    text = capsys.readouterr().out
    assert "true outline" in text
    assert f"{tmp_path}: 40 patches" in text
    (tmp_path / "empty").mkdir()
    assert main(["compare", "--real", str(tmp_path / "empty"), "--processes", "1"]) == 2


@pytest.mark.slow
def test_marrow_is_hard_for_pca_and_easier_without_its_surroundings():
    from cellbench.marrow import draw_marrow

    drawn = draw_marrow(MarrowSpec(n_patches=1500, n_slides=20, size=64, seed=11), n_processes=2)
    scored = drawn.index["label"].notna().to_numpy()
    labels, groups = drawn.index["label"].to_numpy()[scored].astype(object), drawn.index["group"].to_numpy()[scored]
    images = shrink(drawn.patches)
    whole = probe_f1(pca_features(images)[scored], labels, groups)[0]
    cell = probe_f1(pca_features(images, shrink_masks(drawn.masks))[scored], labels, groups)[0]
    assert whole < 0.7
    assert cell > whole + 0.03
