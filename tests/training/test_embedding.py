"""Embeddings: means over the symmetries of the square."""

import numpy as np
import pytest
import torch

from cellbench.training.augment import symmetries
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.embedding import embed
from cellbench.training.trainer import build

CPU = torch.device("cpu")


def test_the_first_symmetries_are_the_patch_its_half_turn_and_its_flips():
    patch = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    expected = [[1, 2, 3, 4], [4, 3, 2, 1], [2, 1, 4, 3], [3, 4, 1, 2]]
    transposed = [[1, 3, 2, 4], [4, 2, 3, 1], [3, 1, 4, 2], [2, 4, 1, 3]]
    assert [view.flatten().tolist() for view in symmetries(patch, 8)] == expected + transposed


@pytest.mark.parametrize("n", [1, 2, 4, 8])
def test_each_count_is_a_group(n):
    """The set of views of any view is the same set, so that their mean does not change."""
    patch = torch.arange(9.0).view(1, 1, 3, 3)
    of_patch = {tuple(view.flatten().tolist()) for view in symmetries(patch, n)}
    assert len(of_patch) == n
    for view in symmetries(patch, n):
        assert {tuple(each.flatten().tolist()) for each in symmetries(view, n)} == of_patch


@pytest.mark.parametrize(
    ("method", "params"), [("mask_fixed", {"r_max": 20.0}), ("crop_medium", {"offset_sigma": 4.0})]
)
def test_a_mean_over_eight_views_does_not_see_how_a_cell_lies(method, params):
    settings = TrainingSettings(encoder="test_resnet", network_size=32)
    configuration = Configuration(method=method, params=params, latent_dim=8)
    model, suppression = build(configuration, settings, 64, seed=0)
    size = suppression.source_size
    patches = np.random.default_rng(0).integers(0, 255, (5, size, size, 3), dtype=np.uint8)
    turned = np.ascontiguousarray(np.rot90(patches, axes=(1, 2)))
    rows = np.arange(5)
    whole = [embed(model, suppression, each, rows, CPU, views=8) for each in (patches, turned)]
    np.testing.assert_allclose(*whole, atol=1e-5)
    single = [embed(model, suppression, each, rows, CPU, views=1) for each in (patches, turned)]
    assert np.abs(single[0] - single[1]).max() > 1e-3
