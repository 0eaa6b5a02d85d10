"""A classifier from a finished trial: fitted, saved, loaded, refused where files are damaged."""

import json

import numpy as np
import pytest

from cellbench.classification.classifier import Classifier
from cellbench.classification.representation import FloorRepresentation
from cellbench.errors import DataError
from cellbench.floors import FLOORS, CachedFloor, FloorMask, available_floors, floor_context
from cellbench.probes.f1 import macro_f1
from cellbench.probes.paper import Network
from cellbench.training.configuration import Configuration, TrainingSettings


@pytest.fixture(scope="module")
def trial(finished_trial, tmp_path_factory):
    return finished_trial(tmp_path_factory.mktemp("winner"), "mask_learned", epochs=4, batch_size=8)


def test_a_classifier_sees_what_the_trial_saw(discs, trial):
    """Its embeddings of the labelled patches are the trial's own."""
    classifier = Classifier.fit(trial.directory, discs, trial.cache)
    rows = discs.rows("labelled")
    with np.load(trial.directory / "embeddings.npz") as stored:
        direct = classifier.calibration(classifier.probe.probabilities(stored["labelled"]))
    np.testing.assert_allclose(classifier.probabilities(np.array(discs.patches[rows])), direct, atol=1e-3)


def test_a_loaded_classifier_says_the_same(discs, trial, tmp_path):
    classifier = Classifier.fit(trial.directory, discs, trial.cache)
    classifier.save(tmp_path / "classifier")
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
    classifier.save(tmp_path)
    (tmp_path / "encoder.safetensors").write_bytes(b"short")
    with pytest.raises(DataError, match="has no trained encoder"):
        Classifier.load(tmp_path)
    with pytest.raises(DataError, match="has no trained encoder"):
        Classifier.fit(tmp_path / "nowhere", discs, trial.cache)


@pytest.fixture(scope="module")
def floors(discs, tmp_path_factory):
    """Every floor on the data set, and the folder of their cache."""
    settings = TrainingSettings(encoder="test_resnet", network_size=16, views=2, threads=1)
    mask = FloorMask(Configuration(method="mask_fixed", params={"r_max": 14.0}))
    cache = tmp_path_factory.mktemp("cache")
    found, missing = available_floors(FLOORS.names(), floor_context(discs, settings, (3,), mask))
    assert missing == []
    return {name: CachedFloor(name, floor, discs, (3,), cache) for name, floor in found.items()}, cache


@pytest.mark.parametrize("name", FLOORS.names())
def test_a_classifier_on_a_floor_sees_what_was_scored_and_says_the_same_when_loaded(discs, floors, tmp_path, name):
    (known, cache), rows = floors, discs.rows("labelled")
    cached = known[name]
    seed = cached.seeds[0]
    classifier = Classifier.fit_on(FloorRepresentation(name, cached.fitted(seed)), "kernel_ridge", discs, cache)
    direct = classifier.calibration(classifier.probe.probabilities(cached.embeddings(seed, "labelled")))
    patches = np.array(discs.patches[rows])
    np.testing.assert_allclose(classifier.probabilities(patches), direct, atol=1e-3)
    classifier.save(tmp_path)
    loaded = Classifier.load(tmp_path)
    np.testing.assert_array_equal(loaded.probabilities(patches), classifier.probabilities(patches))
    names = {"floor.safetensors", "probe.safetensors", "classes.json", "familiarity.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert (loaded.calibration, loaded.um_per_px) == (classifier.calibration, 0.5)


def test_a_classifier_replaces_one_of_the_other_kind(discs, floors, trial, tmp_path):
    known, cache = floors
    trained = Classifier.fit(trial.directory, discs, trial.cache)
    floor = Classifier.fit_on(FloorRepresentation("pca", known["pca"].fitted(0)), "kernel_ridge", discs, cache)
    trained.save(tmp_path)
    floor.save(tmp_path)
    assert Classifier.load(tmp_path).representation.floor == "pca"
    assert not (tmp_path / "encoder.safetensors").exists()
    trained.save(tmp_path)
    assert Classifier.load(tmp_path).representation.floor == ""
    assert not (tmp_path / "floor.safetensors").exists()


def test_a_damaged_or_unknown_floor_is_named(discs, floors, tmp_path):
    known, cache = floors
    Classifier.fit_on(FloorRepresentation("pca", known["pca"].fitted(0)), "kernel_ridge", discs, cache).save(tmp_path)
    about = (tmp_path / "classes.json").read_text()
    (tmp_path / "classes.json").write_text(about.replace('"pca"', '"pcb"'))
    with pytest.raises(DataError, match=r"no classifier that can be read \(There is no floor 'pcb'"):
        Classifier.load(tmp_path)
    (tmp_path / "classes.json").write_text(about)
    (tmp_path / "floor.safetensors").write_bytes(b"short")
    with pytest.raises(DataError, match="no classifier that can be read"):
        Classifier.load(tmp_path)


def test_a_classifier_of_an_older_version_has_a_trained_encoder(discs, trial, tmp_path):
    """Its description names neither a floor nor a probe."""
    Classifier.fit(trial.directory, discs, trial.cache).save(tmp_path)
    about = json.loads((tmp_path / "classes.json").read_text())
    assert about.pop("probe") == "paper"
    for name in ("floor", "calibration", "um_per_px"):
        del about[name]
    (tmp_path / "classes.json").write_text(json.dumps(about))
    loaded = Classifier.load(tmp_path)
    assert loaded.representation.floor == ""
    assert isinstance(loaded.probe, Network)
    found = loaded.assess(np.array(discs.patches[:3]))
    assert np.isnan(found.distance).all()
    assert not found.is_unsure.any()


def test_an_unknown_or_damaged_probe_is_named(discs, trial, tmp_path):
    Classifier.fit(trial.directory, discs, trial.cache).save(tmp_path)
    about = (tmp_path / "classes.json").read_text()
    (tmp_path / "classes.json").write_text(about.replace('"paper"', '"kernel_ridge"'))
    with pytest.raises(DataError, match="The state of the probe is damaged"):
        Classifier.load(tmp_path)
    (tmp_path / "classes.json").write_text(about.replace('"paper"', '"papyrus"'))
    with pytest.raises(DataError, match="There is no probe 'papyrus'"):
        Classifier.load(tmp_path)
