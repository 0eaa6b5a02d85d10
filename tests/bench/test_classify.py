"""The registered classifier: served from files without a pickle."""

from pathlib import Path

import numpy as np
import pytest

from cellbench.classification.classifier import Classifier


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_registered_classifier_is_the_champion_and_predicts_the_same(discs, finished_trial, tmp_path, monkeypatch):
    import mlflow

    from bench.tracking.registry import ALIAS, register_classifier

    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    job = finished_trial(tmp_path, "vae", epochs=1, batch_size=16)
    classifier = Classifier.fit(job.directory, discs, job.cache)
    classifier.save(tmp_path / "classifier", job.directory)
    for version in ("1", "2"):
        named = register_classifier(tmp_path / "classifier", "s", "discs", 40, {"holdout/f1_macro": 0.5}, [])
        before = None if version == "1" else ("1", 0.5)
        assert named == ("cellbench-discs", version, before)
    model = mlflow.pyfunc.load_model(f"models:/cellbench-discs@{ALIAS}")
    patches = np.array(discs.patches[:5])
    assert list(model.predict(patches)["label"]) == list(classifier.predict(patches))
    stored = [path.suffix for path in Path(tmp_path).rglob("models/**/*") if path.is_file()]
    assert ".safetensors" in stored
    assert ".pkl" not in stored
