"""The registered classifier: served from files that hold no pickle."""

from pathlib import Path

import numpy as np
import pytest

from cellbench.classifier import Classifier
from cellbench.configuration import Configuration, TrainingSettings
from cellbench.trial_job import TrialJob
from cellbench.trials import TrialRun


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_registered_classifier_is_the_champion_and_says_the_same_when_loaded(discs, tmp_path, monkeypatch):
    import mlflow
    import torch

    from bench.tracking.registry import ALIAS, register_classifier

    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    job = TrialJob(
        dataset=discs.path,
        fingerprint=discs.card.fingerprint,
        cache=tmp_path / "cache",
        directory=tmp_path / "trial",
        configuration=Configuration(method="vae", latent_dim=8),
        settings=TrainingSettings(epochs=1, batch_size=16, network_size=20, encoder="test_resnet", threads=1),
        stage="final",
        fold=None,
        keep_encoder=True,
    )
    run = TrialRun(job, torch.device("cpu"))
    run.finish(run.step())
    classifier = Classifier.fit(job.directory, discs, job.cache)
    classifier.save(tmp_path / "classifier", job.directory)
    for version in ("1", "2"):
        named = register_classifier(tmp_path / "classifier", "s", "discs", 40, {"holdout/f1_macro": 0.5}, [])
        assert named == ("cellbench-discs", version)
    model = mlflow.pyfunc.load_model(f"models:/cellbench-discs@{ALIAS}")
    patches = np.array(discs.patches[:5])
    assert list(model.predict(patches)["label"]) == list(classifier.predict(patches))
    stored = [path.suffix for path in Path(tmp_path).rglob("models/**/*") if path.is_file()]
    assert ".safetensors" in stored
    assert ".pkl" not in stored
