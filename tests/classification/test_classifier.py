"""A classifier from a finished trial: fitted, saved, loaded, refused where files are damaged."""

import numpy as np
import pytest

from cellbench.classification.classifier import Classifier
from cellbench.errors import DataError
from cellbench.scores.classification import macro_f1


@pytest.fixture(scope="module")
def trial(finished_trial, tmp_path_factory):
    return finished_trial(tmp_path_factory.mktemp("winner"), "mask_learned", epochs=4, batch_size=8)


def test_a_classifier_sees_what_the_trial_saw(discs, trial):
    """Its embeddings of the labelled patches are the trial's own."""
    classifier = Classifier.fit(trial.directory, discs, trial.cache)
    rows = discs.rows("labelled")
    with np.load(trial.directory / "embeddings.npz") as stored:
        direct = classifier.probe.probabilities(stored["labelled"])
    np.testing.assert_allclose(classifier.probabilities(np.array(discs.patches[rows])), direct, atol=1e-3)


def test_a_loaded_classifier_says_the_same(discs, trial, tmp_path):
    classifier = Classifier.fit(trial.directory, discs, trial.cache)
    classifier.save(tmp_path / "classifier", trial.directory)
    loaded = Classifier.load(tmp_path / "classifier")
    patches = np.array(discs.patches[discs.rows("holdout")])
    np.testing.assert_allclose(loaded.probabilities(patches), classifier.probabilities(patches), atol=1e-5)
    assert loaded.predict(patches) == classifier.predict(patches)
    suffixes = {path.suffix for path in (tmp_path / "classifier").iterdir()}
    assert suffixes == {".safetensors", ".json"}  # nothing that could run


def test_it_tells_colours_apart(discs, trial):
    classifier = Classifier.fit(trial.directory, discs, trial.cache)
    rows = discs.rows("labelled")
    predicted = classifier.probabilities(np.array(discs.patches[rows])).argmax(axis=1)
    assert macro_f1(discs.labels(rows), predicted, 3) > 0.6


def test_patches_of_another_size_are_refused(discs, trial):
    classifier = Classifier.fit(trial.directory, discs, trial.cache)
    with pytest.raises(DataError, match="accepts uint8 patches of N × 40 × 40 × 3, got uint8 of 2 × 32 × 32 × 3"):
        classifier.probabilities(np.zeros((2, 32, 32, 3), np.uint8))
    assert classifier.probabilities(np.zeros((0, 40, 40, 3), np.uint8)).shape == (0, 3)


def test_damaged_files_are_named(trial, discs, tmp_path):
    classifier = Classifier.fit(trial.directory, discs, trial.cache)
    classifier.save(tmp_path, trial.directory)
    (tmp_path / "encoder.safetensors").write_bytes(b"short")
    with pytest.raises(DataError, match="has no trained encoder"):
        Classifier.load(tmp_path)
    with pytest.raises(DataError, match="has no trained encoder"):
        Classifier.fit(tmp_path / "nowhere", discs, trial.cache)
