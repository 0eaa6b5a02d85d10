"""The registered classifier: served from files without a pickle."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellbench.classification.classifier import Classifier
from cellbench.probes.f1 import macro_f1


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
    classifier.save(tmp_path / "classifier")
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
        assert (registered.name, registered.version) == ("cellbench.discs", version)
        assert before == (None if version == "1" else ("1", 0.5))
    with pytest.raises(ZeroDivisionError), open_classifier_run("s", "discs"):
        raise ZeroDivisionError
    own = client.search_runs([deleted])
    assert sorted(run.info.status for run in own) == ["FAILED", "FINISHED", "FINISHED"]
    assert client.get_run(foreign).data.metrics == {}
    model = mlflow.pyfunc.load_model(f"models:/cellbench.discs@{ALIAS}")
    patches = np.array(discs.patches[:5])
    assert list(model.predict(patches)["label"]) == list(classifier.predict(patches))
    stored = [path.suffix for path in Path(tmp_path).rglob("models/**/*") if path.is_file()]
    assert ".safetensors" in stored
    assert ".pkl" not in stored


@pytest.mark.slow
def test_where_a_floor_wins_the_verdict_names_the_command_that_makes_its_classifier(discs, ended_search, tmp_path):
    home = ended_search.copy(tmp_path)
    output, _ = home.run("--resume", "whole")
    summary = json.loads((home.search("whole") / "summary.json").read_text())
    floor = max((row for row in summary["rows"] if row["kind"] == "floor"), key=lambda row: row["f1_macro"])
    assert f"No winner: the strongest floor, {floor['name']}, reaches {floor['f1_macro']:.3f}" in output
    command = f"python -m bench.classify --search whole --representation {floor['name']}"
    assert output.count(command) == 2, "in the advice, and as the next command"
    _, errors = home.run("--search", "whole", "--representation", "ring_profil", program="classify", expect=2)
    assert "did you mean 'ring_profile'" in errors
    for name in ("pca_masked", floor["name"]):
        shown, _ = home.run("--search", "whole", "--representation", name, program="classify")
        assert f"This classifier uses the floor {name}, as asked." in shown
    assert "Registered as models:/cellbench.discs@champion (version 2)" in shown
    classifier = Classifier.load(home.search("whole") / "classifier")
    assert classifier.representation.floor == floor["name"]
    rows = discs.rows("holdout")
    predicted = classifier.probabilities(np.array(discs.patches[rows])).argmax(axis=1)
    assert f"macro F1 {macro_f1(discs.labels(rows), predicted, 3):.3f}" in shown
    assert "Probabilities, on labelled patches of unseen groups: calibration error " in shown
    images = tmp_path / "images"
    images.mkdir()
    for row in rows[:5]:
        Image.fromarray(discs.patches[row]).save(images / f"{row:03}.png")
    (images / "text.png").write_text("no image")
    shown, errors = home.run(
        images,
        "--model",
        "models:/cellbench.discs@champion",
        "--out",
        tmp_path / "cells.csv",
        program="predict",
        expect=1,
    )
    table = pd.read_csv(tmp_path / "cells.csv")
    assert list(table["class"][:5]) == classifier.predict(np.array(discs.patches[np.sort(rows[:5])]))
    assert table["problem"].iloc[5] == "it is not a readable image; save it as PNG, JPEG, TIFF, BMP or WebP"
    assert f"5 cells in {tmp_path / 'cells.csv'}: " in shown
    assert "1 cell could not be read: the column problem says why." in errors
    _, errors = home.run(
        images,
        "--model",
        "models:/cellbench.other@champion",
        "--out",
        tmp_path / "cells.csv",
        program="predict",
        expect=2,
    )
    assert "has no classifier models:/cellbench.other@champion" in errors
