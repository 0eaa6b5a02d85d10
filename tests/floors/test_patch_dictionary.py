"""The dictionary of windows: its activation and pooling by hand, its learning against slow, obvious versions."""

import numpy as np
import pytest
import torch

from cellbench.floors import FLOORS
from cellbench.floors.patch_dictionary import (
    WHITENING,
    FittedDictionary,
    Geometry,
    distances,
    sampled_windows,
    triangle,
    whitening_of,
    window_pixels,
)
from cellbench.testing.floors import example_context


def test_the_triangle_activation_by_hand():
    """Distances 1, 2, 6 have the mean 3: the words are active by 2, 1 and 0."""
    assert triangle(torch.tensor([[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]])).tolist() == [[2, 1, 0], [0, 0, 0]]


def test_distances_are_euclidean():
    windows, words = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]]), torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    assert distances(windows, words).tolist() == [[[0, 3], [5, 4]]]


def test_windows_are_cut_row_by_row():
    """A patch of 8 px has four windows of 7 px; the last but one begins in row 1 and column 0."""
    geometry = Geometry(8, 5.0)
    patch = np.arange(8 * 8 * 3).reshape(8, 8, 3)
    found = patch.ravel()[window_pixels(geometry, np.array([0, 2]))]
    np.testing.assert_array_equal(found, [patch[:7, :7].ravel(), patch[1:, :7].ravel()])


def test_whitened_windows_are_uncorrelated():
    rng = np.random.default_rng(0)
    windows = (rng.normal(size=(20_000, 5)) @ rng.normal(size=(5, 5)) * 20 + 3).astype(np.float32)
    mean, whitening = whitening_of(windows)
    np.testing.assert_allclose(whitening, whitening.T, atol=1e-5)
    values = np.linalg.eigvalsh(np.cov(windows.T))
    shrunk = np.sort(values / (values + WHITENING * values.mean()))
    found = np.linalg.eigvalsh(np.cov(((windows - mean) @ whitening).T))
    np.testing.assert_allclose(found, shrunk, rtol=1e-2)


def test_each_ring_has_the_mean_activation_of_its_windows():
    """One word is the window itself, the other lies 4 away: distances 0 and 4, mean 2, activations 2 and 0."""
    geometry = Geometry(16, 5.0)
    n = 3 * geometry.window**2
    words = np.zeros((2, n), np.float32)
    words[1, 0] = 4
    plain = np.full((1, 16, 16, 3), 90, np.uint8)  # every window is the mean
    mean = np.full(n, -np.log(90 / 255), np.float32)
    fitted = FittedDictionary(geometry, mean, np.eye(n, dtype=np.float32), words)
    found = fitted.embed(plain)
    np.testing.assert_allclose(found, [[2, 0] * 3], atol=1e-6)


def test_a_bright_spot_is_seen_in_its_ring_only():
    """Windows of the innermost ring reach 0.5 × 12 + 3 px from the centre; a spot beyond changes the outer rings."""
    patches = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    fitted = FLOORS.get("patch_dictionary")(example_context(64, 12.0)).fit(patches, 0)
    changed = patches.copy()
    changed[:, 31, 31 + 13] = 255 - changed[:, 31, 31 + 13]
    difference = np.abs(fitted.embed(changed) - fitted.embed(patches)).reshape(6, 3, -1).max(axis=(0, 2))
    assert difference[0] == 0
    assert (difference[1:] > 0).all()


def test_an_embedding_agrees_with_a_loop_over_windows():
    patches = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3), dtype=np.uint8)
    floor = FLOORS.get("patch_dictionary")(example_context(20, 6.0))
    fitted = floor.fit(patches, 0)
    state = fitted.state()
    rings = [[], [], []]
    for top in range(14):
        for left in range(14):
            centre = np.hypot(top + 3 - 9.5, left + 3 - 9.5)
            ring = next((k for k, edge in enumerate((3.0, 6.0, 7.8)) if centre < edge), None)
            if ring is None:
                continue
            window = patches[0, top : top + 7, left : left + 7].astype(np.float64)
            window = -np.log(np.maximum(window, 1) / 255).ravel()
            white = (window - state["mean"]) @ state["whitening"]
            distance = np.linalg.norm(white - state["words"], axis=1)
            rings[ring].append(np.maximum(0, distance.mean() - distance))
    expected = np.concatenate([np.mean(ring, axis=0) for ring in rings])
    np.testing.assert_allclose(fitted.embed(patches)[0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("n_patches", "n", "expected"), [(5, 10, 10), (5, 7, 10), (5, 3, 3), (1, 10**6, None)])
def test_every_patch_gives_the_same_number_of_windows_and_none_twice(n_patches, n, expected):
    pool = np.random.default_rng(0).integers(0, 256, (n_patches, 20, 20, 3), dtype=np.uint8)
    geometry = Geometry(20, 6.0)
    found = sampled_windows(pool, geometry, n, np.random.default_rng(0))
    assert len(found) == (sum(map(len, geometry.rings())) if expected is None else expected)
    assert len(np.unique(found, axis=0)) == len(found)


def test_the_number_of_patches_at_once_changes_no_embedding(monkeypatch):
    rng = np.random.default_rng(0)
    geometry, patches = Geometry(12, 5.0), rng.integers(0, 256, (10, 12, 12, 3), dtype=np.uint8)
    words = rng.normal(size=(4, 147)).astype(np.float32)
    fitted = FittedDictionary(geometry, np.zeros(147, np.float32), np.eye(147, dtype=np.float32), words)
    few = fitted.embed(patches)
    monkeypatch.setattr("cellbench.floors.patch_dictionary._BATCH_SIZE_CPU", 64)
    np.testing.assert_allclose(fitted.embed(patches), few, rtol=1e-6)
