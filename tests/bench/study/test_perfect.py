"""A perfect auto-encoder loses nothing, whatever the method, the network size and the native size."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.study.perfect import METHODS, perfect_scores
from cellbench.patches.write import write_patch_set

SIZES = (32, 48, 64, 96)


def smooth(native: int) -> np.ndarray:
    """Return eight patches whose colours change slowly."""
    axis = (np.arange(native) - (native - 1) / 2) / native
    generator = np.random.default_rng(0)
    slopes = generator.uniform(-60, 60, (8, 2, 1, 1, 3))
    return (128 + slopes[:, 0] * axis[:, None, None] + slopes[:, 1] * axis[:, None]).round().astype(np.uint8)


def written(folder, patches):
    index = pd.DataFrame({"label": ["a", "b"] * (len(patches) // 2), "group": np.arange(len(patches)).astype(str)})
    return write_patch_set(folder, patches=patches, index=index, name="p", seed=0, min_per_class=1)


@pytest.fixture(scope="module", params=[97, 128, pytest.param(361, marks=pytest.mark.long)])
def drawn(request, tmp_path_factory):
    return written(tmp_path_factory.mktemp("smooth") / "p", smooth(request.param))


@pytest.mark.parametrize("method", METHODS)
def test_a_perfect_auto_encoder_scores_0_on_smooth_patches(drawn, method):
    for size in SIZES:
        found = perfect_scores(drawn, method, size, 8)
        assert found["val/l1_core"] < 1e-6, size
        assert found["val/l1_core_native"] < 0.003, size  # patches have 256 levels, and so do their copies


@pytest.mark.parametrize("name", ["pbc", "bccd", "wbc1"])
def test_a_crop_loses_no_more_than_a_whole_patch_of_the_same_resolution(name, real_data, tmp_path):
    paths = sorted(p for p in real_data(name).rglob("*") if p.suffix.lower() in (".jpg", ".bmp", ".png", ".jpeg"))
    images = [np.asarray(Image.open(path).convert("RGB")) for path in paths[:: len(paths) // 8][:8]]
    side = min(min(image.shape[:2]) for image in images) - (name == "wbc1")  # an odd side too
    cuts = []
    for image in images:
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        cuts.append(image[top : top + side, left : left + side])
    patch_set = written(tmp_path / "p", np.stack(cuts))
    for method, fraction in (("crop_small", 88 / 256), ("crop_medium", 172 / 256)):
        crop = perfect_scores(patch_set, method, 32, 4)
        whole = perfect_scores(patch_set, "vae", int(32 / fraction) - int(32 / fraction) % 2, 4)
        assert crop["val/l1_core"] < 1e-6
        assert whole["val/l1_core"] < 1e-6
        assert crop["val/l1_core_native"] <= whole["val/l1_core_native"] + 1e-3
