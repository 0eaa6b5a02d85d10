"""Floors: representations that need no training."""

import dataclasses

import numpy as np
import pytest
import torch

from cellbench.scores.floors import floor_rows, principal_components, untrained
from cellbench.suppression import build_suppression
from cellbench.training.configuration import TrainingSettings

SETTINGS = TrainingSettings(encoder="test_resnet", network_size=20)


@pytest.fixture
def rows(discs):
    return floor_rows(discs)


def test_pca_agrees_with_the_singular_vectors(discs, rows):
    patches = discs.resized(20, discs.path / "cache")
    vae = build_suppression("vae", {}, 40, 20, 8)
    rows = dataclasses.replace(rows, pool=rows.pool[: len(rows.pool) // 2])  # otherwise the labelled rows are the pool
    floor = principal_components("pca", patches, rows, vae, 1, n_components=4)
    pool = np.asarray(patches[rows.pool]).transpose(0, 3, 1, 2).reshape(len(rows.pool), -1) / 255
    directions = np.linalg.svd(pool - pool.mean(axis=0), full_matrices=False)[2][:4]
    labelled = np.asarray(patches[rows.labelled]).transpose(0, 3, 1, 2).reshape(len(rows.labelled), -1) / 255
    expected = (labelled - pool.mean(axis=0)) @ directions.T
    np.testing.assert_allclose(np.abs(floor.labelled[0]), np.abs(expected), atol=1e-3)
    assert floor.holdout[0].shape == (len(rows.holdout), 4)


def test_a_mask_helps_where_the_surroundings_are_noise(discs, rows):
    patches = discs.resized(20, discs.path / "cache")
    mask = build_suppression("mask_fixed", {"r_max": 14.0}, 40, 20, 8)
    weights = mask.weights(torch.zeros(1, 8), 20, None).map[0, 0].numpy()
    plain = principal_components("pca", patches, rows, mask, 1, n_components=8)
    masked = principal_components("pca_masked", patches, rows, mask, 1, weights, n_components=8)
    assert masked.f1_macro > plain.f1_macro


def test_the_mean_over_views_is_pca_of_the_symmetrised_patch(discs, rows):
    patches = discs.resized(20, discs.path / "cache")
    vae = build_suppression("vae", {}, 40, 20, 8)
    floor = principal_components("pca", patches, rows, vae, 2, n_components=4)

    def flat(images):
        return images.transpose(0, 3, 1, 2).reshape(len(images), -1) / 255

    pool = flat(np.asarray(patches[rows.pool]))
    directions = np.linalg.svd(pool - pool.mean(axis=0), full_matrices=False)[2][:4]
    labelled = np.asarray(patches[rows.labelled])
    both = (flat(labelled) + flat(labelled[:, ::-1, ::-1])) / 2
    np.testing.assert_allclose(np.abs(floor.labelled[0]), np.abs((both - pool.mean(axis=0)) @ directions.T), atol=1e-3)


def test_pca_of_a_crop_sees_the_crop(discs, rows):
    crop = build_suppression("crop_small", {"offset_sigma": 5.0}, 40, 14, 8)
    patches = discs.resized(crop.source_size, discs.path / "cache")
    assert principal_components("pca_masked", patches, rows, crop, 1, n_components=4).labelled[0].shape[1] == 4


def test_the_untrained_encoder_sees_the_cell(discs, rows):
    """timm's ResNet-18 starts with closed residual branches, whose shortcuts see a corner of the patch."""
    settings = TrainingSettings(encoder="resnet18", network_size=32, views=1)
    patches = np.array(discs.resized(32, discs.path / "cache"))
    few = dataclasses.replace(rows, holdout=rows.labelled[:4])

    def seen(shown: np.ndarray) -> np.ndarray:
        return untrained(shown, few, settings, 40, torch.device("cpu"), seeds=(1,)).holdout[0]

    before = seen(patches)
    patches[:, 14:18, 14:18] = 255 - patches[:, 14:18, 14:18]
    assert (np.abs(seen(patches) - before).max(axis=1) > 1e-3).all()


def test_the_untrained_encoder_is_scored_from_several_seeds(discs, rows):
    patches = discs.resized(20, discs.path / "cache")
    floor = untrained(patches, rows, SETTINGS, 40, torch.device("cpu"), seeds=(1, 2))
    assert len(floor.scores) == len(floor.labelled) == 2
    assert not np.allclose(floor.labelled[0], floor.labelled[1])
    assert 0 <= floor.f1_macro <= 1
