"""Images of drawn cells in the layouts that importers read."""

import numpy as np
import pytest
from PIL import Image

from cellbench.importers import ImportOptions, import_patch_set


def draw_cell(seed, size=24, radius=6.0):
    """Return a noisy image with a disc in its centre, uint8, size × size × 3, and its mask."""
    rng = np.random.default_rng(seed)
    axis = np.arange(size) - (size - 1) / 2
    mask = np.hypot(axis[:, None], axis[None]) <= radius
    picture = rng.integers(180, 256, (size, size, 3), dtype=np.uint8)
    picture[mask] = rng.integers(40, 120, 3)
    return picture, (mask * 128).astype(np.uint8)


def save(path, pixels, **options):
    """Write an image and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def class_folders(tmp_path):
    """60 images in the folders `a` and `b`, file names `A_00.png` …"""
    for i in range(60):
        name = "ab"[i % 2]
        save(tmp_path / "images" / name / f"{name.upper()}_{i:02}.png", draw_cell(i)[0])
    return tmp_path / "images"


@pytest.fixture
def add(tmp_path):
    """Return a function that imports into `tmp_path/sets/x`."""

    def run(format_name, path, replace=False, **options):
        target = tmp_path / "sets" / "x"
        return import_patch_set(target, "x", format_name, path, ImportOptions(**options), replace)

    return run


@pytest.fixture
def nothing_written(tmp_path):
    """Check at the end that no data set exists, not even a part of one."""
    yield
    sets = tmp_path / "sets"
    assert not sets.exists() or not list(sets.iterdir())
