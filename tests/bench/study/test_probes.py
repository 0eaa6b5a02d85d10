"""The comparison of probes: the units that it adds, its table, and the keys of tables of trainings."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import bench.study.probes as study
from bench.study.trainings import table_key
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.trials.job import TrialJob


@pytest.fixture
def embeddings():
    return np.random.default_rng(0).normal(0, np.geomspace(0.01, 3, 20), (300, 20)).astype(np.float32)


def test_added_units_have_the_size_that_their_name_says(embeddings):
    rms = np.sqrt((embeddings.std(axis=0) ** 2).mean())
    found = study.with_noise(embeddings, 500, 0.1, np.random.default_rng(1))
    assert found.shape == (300, 520)
    assert (found[:, :20] == embeddings).all()
    assert found[:, 20:].std() == pytest.approx(0.1 * rms, rel=0.01)


def test_the_core_has_the_units_with_the_largest_variance(embeddings):
    assert (study.most_variable(embeddings, 3) == embeddings[:, [17, 18, 19]]).all()
    widths = [add(embeddings, np.random.default_rng(0)).shape[1] for add in study.ADDED.values()]
    assert widths == [20, 40, 220, 220, 220, 16, 64, 256, 1024]


def test_the_table_has_every_row_once_and_is_continued(discs, tmp_path, monkeypatch):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    rows = discs.rows("labelled")
    rings = np.random.default_rng(0).normal(0, 2.0, (len(rows), 16)) + discs.labels(rows)[:, None]
    monkeypatch.setattr(study, "N_PERMUTATIONS", 2)
    added = {name: add for name, add in study.ADDED.items() if "noise" not in name or name.endswith("noise 1")}
    monkeypatch.setattr(study, "ADDED", added)
    monkeypatch.setattr(study, "representations", lambda *_: iter([("rings", rings), ("squares", rings**2)]))
    table = tmp_path / "table.csv"
    command = ["discs", "--table", str(table), "--seeds", "1"]
    done = CliRunner().invoke(study.app, command)
    assert done.exit_code == 0, done.output
    assert "rank correlation with logistic over 2 representations" in done.output
    whole = pd.read_csv(table)
    assert len(whole) == 2 * (len(study.ADDED) + study.N_PERMUTATIONS)
    chance = whole[whole["units"] == study.PERMUTED]["kernel_ridge"]
    assert 0.2 < chance.mean() < 0.45, "three classes"
    twice = whole[whole["units"].isin([study.UNCHANGED, "every unit twice"])]
    assert np.ptp(twice[twice["representation"] == "rings"]["kernel_ridge"]) < 0.01
    whole.iloc[:5].to_csv(table, index=False)
    assert CliRunner().invoke(study.app, command).exit_code == 0
    f1 = ["representation", "units", "seed", "width", "kernel_ridge", "paper"]
    pd.testing.assert_frame_equal(pd.read_csv(table)[f1], whole[f1])


def test_a_key_of_a_training_does_not_change_with_fields_that_are_added_later():
    job = TrialJob(
        dataset=Path("a"),
        fingerprint="0" * 32,
        cache=Path("c"),
        directory=Path("d"),
        configuration=Configuration(method="vae", lr=0.002),
        settings=TrainingSettings(epochs=3),
    )
    assert table_key(job) == "4a2e3891a4bb", "tables that were committed name their trainings by these keys"
    changed = job.model_copy(update={"settings": TrainingSettings(epochs=3, probe="kernel_ridge")})
    assert table_key(changed) != table_key(job)
