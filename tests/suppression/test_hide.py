"""The input that is hidden beyond a soft disc."""

import json
import math

import numpy as np
import pytest
import torch

from cellbench.classification.classifier import Classifier
from cellbench.floors.base import CellRadius, FloorContext, FloorMask
from cellbench.floors.pca_masked import MaskedPca
from cellbench.suppression import build_suppression
from cellbench.training.configuration import Configuration, TrainingSettings

MIDDLE, EDGE, CORNER = (1 / (1 + math.exp(-(1 - math.sqrt(d) / 2) / 0.15)) for d in (0.5, 2.5, 4.5))
"""Share that is seen of a 4 × 4 px patch for r_hide = 2 px: 0.987, 0.802 and 0.400."""


def build(native_size=4, **params):
    return build_suppression("hide", {"r_hide": 2.0, "r_max": 2.0, **params}, native_size, 4, 8)


def test_the_input_fades_to_grey_beyond_the_disc_and_the_target_stays():
    patches = torch.ones(2, 3, 4, 4)
    rows = [[CORNER, EDGE, EDGE, CORNER], [EDGE, MIDDLE, MIDDLE, EDGE]]
    share = torch.tensor([*rows, rows[1], rows[0]])
    for training in (True, False):
        inputs, targets = build().view(patches, None, training)
        torch.testing.assert_close(inputs, (0.5 + 0.5 * share).expand(2, 3, 4, 4))
        assert torch.equal(targets, patches)


def test_the_loss_mask_is_that_of_the_fixed_mask():
    fixed = build_suppression("mask_fixed", {"r_max": 2.0}, 4, 4, 8)
    latent = torch.zeros(1, 8)
    torch.testing.assert_close(build().weights(latent, 4, None).map, fixed.weights(latent, 4, None).map)


def test_the_radius_is_in_native_px_and_limited_as_that_of_a_mask():
    torch.testing.assert_close(build(native_size=8, r_hide=4.0, r_max=4.0).seen(4), build().seen(4))
    torch.testing.assert_close(build(r_hide=0.1).seen(4), build().seen(4))  # two network px, the smallest


def test_components_of_the_floor_do_not_see_what_is_hidden(discs, tmp_path):
    configuration = Configuration(method="hide", params={"r_hide": 8.0, "r_max": 28.0}, latent_dim=8)
    settings = TrainingSettings(network_size=20, views=1)
    context = FloorContext(40, settings, (0,), CellRadius(8.0, "annotated"), FloorMask(configuration))
    floor = MaskedPca(context, n_components=4)
    patches = np.array(discs.resized(20, tmp_path))
    other = patches.copy()
    other[:, far_from_the_centre(20)] = 0
    pool, labelled = discs.rows("pool"), discs.rows("labelled")
    before, after = (floor.fit(each[pool], seed=0).embed(each[labelled]) for each in (patches, other))
    np.testing.assert_allclose(after, before, atol=1e-2)


def far_from_the_centre(size):
    """Return the px of a patch of 40 native px that are 2.75 times 8 px away, of which a share of 1e-5 is seen."""
    axis = (np.arange(size) - (size - 1) / 2) * 40 / size
    return np.hypot(axis[:, None], axis[None]) > 22


@pytest.fixture(scope="module")
def trial(finished_trial, tmp_path_factory):
    params = {"r_hide": 8.0, "r_max": 10.0}
    return finished_trial(tmp_path_factory.mktemp("hidden"), "hide", epochs=2, batch_size=8, params=params)


def test_a_saved_classifier_hides_its_input(discs, trial, tmp_path):
    Classifier.fit(trial.directory, discs, trial.cache).save(tmp_path)
    loaded = Classifier.load(tmp_path)
    patches = np.array(discs.patches[discs.rows("holdout")])
    other = patches.copy()
    other[:, far_from_the_centre(40)] = 0
    before, after = loaded.probabilities(patches), loaded.probabilities(other)
    np.testing.assert_allclose(after, before, atol=1e-2)
    other[:, 15:25, 15:25] = 0
    assert np.abs(loaded.probabilities(other) - before).max() > 0.05


def test_less_of_the_surroundings_leaks_than_without_hiding(trial, finished_trial, tmp_path):
    def leakage(job):
        return json.loads((job.directory / "result.json").read_text())["metrics"]["latent/leakage"]

    plain = finished_trial(tmp_path, "vae", epochs=2, batch_size=8, fold=0)
    hidden = finished_trial(tmp_path / "h", "hide", epochs=2, batch_size=8, params=trial.configuration.params, fold=0)
    assert leakage(hidden) < 0.5 * leakage(plain)
