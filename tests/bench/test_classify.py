"""The registered classifier: served from files without a pickle."""

from pathlib import Path

import numpy as np
import pytest

from cellbench.classification.classifier import Classifier


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_registered_classifier_is_the_champion_and_predicts_the_same(discs, finished_trial, tmp_path, monkeypatch):
    import mlflow

    from bench.tracking.client import connect
    from bench.tracking.registry import ALIAS, open_classifier_run

    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    job = finished_trial(tmp_path, "vae", epochs=1, batch_size=16)
    classifier = Classifier.fit(job.directory, discs, job.cache)
    classifier.save(tmp_path / "classifier", job.directory)
    client = connect()
    foreign = client.create_run(client.create_experiment("other")).info.run_id
    deleted = client.create_experiment("discs")
    client.delete_experiment(deleted)  # in the MLflow UI
    for version in ("1", "2"):
        # `mlflow run` and job systems set these for their own run
        monkeypatch.setenv("MLFLOW_RUN_ID", foreign)
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "other")
        with open_classifier_run("s", "discs") as run:
            registered = run.register(tmp_path / "classifier", 40)
            before = run.promote(registered, {"holdout/f1_macro": 0.5}, [])
        assert (registered.name, registered.version) == ("cellbench-discs", version)
        assert before == (None if version == "1" else ("1", 0.5))
    with pytest.raises(ZeroDivisionError), open_classifier_run("s", "discs"):
        raise ZeroDivisionError
    own = client.search_runs([deleted])
    assert sorted(run.info.status for run in own) == ["FAILED", "FINISHED", "FINISHED"]
    assert client.get_run(foreign).data.metrics == {}
    model = mlflow.pyfunc.load_model(f"models:/cellbench-discs@{ALIAS}")
    patches = np.array(discs.patches[:5])
    assert list(model.predict(patches)["label"]) == list(classifier.predict(patches))
    stored = [path.suffix for path in Path(tmp_path).rglob("models/**/*") if path.is_file()]
    assert ".safetensors" in stored
    assert ".pkl" not in stored
