"""Embeddings: means over the symmetries of the square."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellbench.models.autoencoder import INITIAL_LOG_VARIANCE
from cellbench.scores.base import ScoreContext
from cellbench.training.augment import random_symmetry, stain_jitter, symmetries
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


def drawn(augment, n=400):
    """Return the set of views of one patch that `random_symmetry` draws."""
    patch = torch.arange(9.0).view(1, 1, 3, 3)
    found = random_symmetry(patch.expand(n, -1, -1, -1), augment, torch.Generator().manual_seed(0))
    return {tuple(view.flatten().tolist()) for view in found}


def test_each_augmentation_draws_its_symmetries_and_no_others():
    patch = torch.arange(9.0).view(1, 1, 3, 3)
    turned = {tuple(patch.rot90(k, (-1, -2)).flatten().tolist()) for k in range(4)}
    flipped = {tuple(view.flatten().tolist()) for view in symmetries(patch, 4)}
    assert drawn("none") == {tuple(patch.flatten().tolist())}
    assert drawn("turns") == turned
    assert drawn("flips") == flipped
    assert drawn("flips,turns") == turned | {tuple(view.flatten().tolist()) for view in symmetries(patch, 8)}


def test_stain_jitter_scales_the_optical_density_of_each_channel():
    """A gain g turns the transmission t into t^g; without strength nothing changes but values below 1/255."""
    patches = torch.tensor([1 / 255, 0.25, 1.0]).expand(400, 2, 3)[..., None].contiguous()
    unchanged = stain_jitter(patches, 0.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(unchanged, patches)
    jittered = stain_jitter(patches, 0.1, torch.Generator().manual_seed(0))
    gain = jittered[:, :, 1, 0].log() / np.log(0.25)
    torch.testing.assert_close(jittered[:, :, 0, 0].log() / np.log(1 / 255), gain)
    assert torch.equal(jittered[:, :, 2], patches[:, :, 2]), "white stays white"
    assert gain.mean() == pytest.approx(1, abs=0.02)
    assert gain.std() == pytest.approx(0.1, abs=0.01)
    assert np.corrcoef(gain[:, 0], gain[:, 1])[0, 1] == pytest.approx(0, abs=0.2), "channels are drawn apart"


def test_settings_of_older_requests_keep_their_augmentation():
    assert TrainingSettings.model_validate({"quarter_turns": True}).augment == "flips,turns"
    assert TrainingSettings.model_validate({"quarter_turns": False}).augment == "flips"
    assert TrainingSettings().representation == "mean"


def test_a_sample_is_reproducible_and_spreads_as_the_posterior():
    settings = TrainingSettings(encoder="test_resnet", network_size=32)
    model, suppression = build(Configuration(method="vae", latent_dim=8), settings, 32, seed=0)
    patches = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    rows = np.repeat(np.arange(4), 100)
    context = ScoreContext("end", model, suppression, None, patches, rows[:0], 1, CPU, sample_seed=3)
    sample, mean = context.represent(rows), context.embed(rows)
    np.testing.assert_array_equal(sample, context.represent(rows))
    assert np.abs(sample - replace(context, sample_seed=4).represent(rows)).max() > 0
    np.testing.assert_array_equal(mean, replace(context, sample_seed=None).represent(rows))
    sigma = float(np.exp(INITIAL_LOG_VARIANCE / 2))  # of an untrained encoder, up to its weights
    assert (sample - mean).std() == pytest.approx(sigma, rel=0.1)
