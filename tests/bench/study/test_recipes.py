"""Recipes: small files of trainings, and the program that trains them into a table."""

import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bench.study.recipe_files import FOLDER, read_recipe, read_recipes, recipe_jobs
from bench.study.recipes import app, known_seconds
from bench.study.trainings import train
from cellbench.disk import file_lock
from cellbench.errors import NotFoundError, SettingError, TrainingError
from cellbench.radius import estimate_radius
from cellbench.radius.factors import HIDE_FACTOR

TINY = "passes: 1\nsettings: {network_size: 16, batch_size: 8, encoder: test_resnet, views: 1}\n"
PLAIN = "method: vae\nparameters: {latent_dim: 8, beta: 0.002}\n" + TINY
MASK = "method: mask_fixed\nparameters: {r_max: 64, latent_dim: 8}\n" + TINY


@pytest.fixture
def folder(tmp_path):
    """A folder with two recipes of small trainings."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "plain.yaml").write_text(PLAIN)
    (tmp_path / "recipes" / "masked.yaml").write_text(MASK)
    return tmp_path / "recipes"


@pytest.fixture
def program(discs, folder, tmp_path, monkeypatch):
    """Return a function that calls the program on `discs` with these recipes and a table."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))

    def call(*more):
        command = ["discs", "--table", str(tmp_path / "table.csv"), "--recipes", str(folder), *more]
        return CliRunner().invoke(app, command, env={"COLUMNS": "160"})

    return call


def test_the_recipes_that_come_with_the_program_fit_a_data_set(discs, tmp_path):
    recipes = read_recipes(FOLDER)
    assert set(recipes) >= {"vae", "mask_auto", "crop_small", "hide"}
    jobs = recipe_jobs(discs, recipes, 2, tmp_path)
    n_training = len(discs.rows("pool")) * 4 // 5
    for name, (first, second) in jobs.items():
        assert (first.seed, second.seed) == (0, 1)
        assert first.directory != second.directory
        assert first.settings.epochs == recipes[name].passes // n_training
    assert len({own[0].settings.model_dump_json() for own in jobs.values()}) == 1, "only the methods differ"
    hidden = jobs["hide"][0].configuration
    assert hidden.params["r_hide"] == pytest.approx(HIDE_FACTOR * estimate_radius(discs).radius_px, rel=1e-3)
    assert jobs["crop_small"][0].configuration.params["offset_sigma"] == pytest.approx(5 * 40 / 256, rel=1e-3)


def test_a_setting_that_differs_is_another_training_in_another_folder(discs, folder, tmp_path):
    (folder / "other.yaml").write_text(PLAIN.replace("batch_size: 8", "batch_size: 16"))
    jobs = recipe_jobs(discs, read_recipes(folder), 1, tmp_path)
    assert jobs["plain"][0].configuration == jobs["other"][0].configuration
    assert jobs["plain"][0].directory != jobs["other"][0].directory


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("batch_size", "batch_sise", "settings.batch_sise is unknown; did you mean 'batch_size'"),
        ("views: 1", "epochs: 3", "epochs cannot be set"),
        ("passes: 1", "passes: 0", "passes must be greater than or equal to 1; got 0"),
        ("passes: 1", "pass: 1", "passes is missing"),
        ("beta: 0.002", "beta: [1, 2]", "parameters.beta"),
        ("method: vae", "method: vea", "there is no method 'vea'; did you mean 'vae'"),
        (PLAIN, "- vae", "is not a recipe"),
        (PLAIN, "a: [", "cannot be read as a recipe"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_by_name(folder, before, after, message):
    assert before in PLAIN
    path = folder / "plain.yaml"
    path.write_text(PLAIN.replace(before, after))
    with pytest.raises((SettingError, NotFoundError)) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("r_max: 64", "r_max: 64, shap: hard", "The recipe masked: mask_fixed: shap is unknown; did you mean 'shape'"),
        ("r_max: 64, ", "", "The recipe masked: mask_fixed: r_max is missing"),
        ("r_max: 64", "r_max: 400", "The recipe masked: mask_fixed: r_max=62.5 px is outside"),
        ("network_size: 16", "network_size: 64", "masked: network_size must be at most 40 px"),
        (MASK, PLAIN, "The recipes masked and plain are the same training"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_before_anything_is_trained(
    discs, folder, tmp_path, before, after, message
):
    (folder / "masked.yaml").write_text(MASK.replace(before, after))
    with pytest.raises(SettingError) as caught:
        recipe_jobs(discs, read_recipes(folder), 1, tmp_path)
    assert message in str(caught.value)


def test_unknown_recipes_and_empty_folders_are_refused(folder, tmp_path):
    assert list(read_recipes(folder)) == ["masked", "plain"]
    assert list(read_recipes(folder, ["plain"])) == ["plain"]
    with pytest.raises(NotFoundError, match=r"There is no recipe 'plane' in .*; did you mean 'plain'"):
        read_recipes(folder, ["plane"])
    with pytest.raises(NotFoundError, match="There are no recipes"):
        read_recipes(tmp_path)


def test_the_time_is_predicted_from_the_same_recipe_or_from_others_of_the_same_size(discs, folder, tmp_path):
    (job,) = recipe_jobs(discs, read_recipes(folder, ["plain"]), 1, tmp_path)["plain"]
    rows = [("plain", 16, 1, 30.0, 10.0), ("plain", 16, 1, 50.0, 10.0), ("masked", 16, 1, 20.0, 10.0)]
    frame = pd.DataFrame(rows, columns=["recipe", "network_size", "epochs", "cost/seconds", "cost/patches"])
    frame["dataset"] = "discs"
    assert known_seconds("plain", job, frame, 10) == pytest.approx(40.0)
    assert known_seconds("plain", job, frame[2:], 30) == pytest.approx(60.0)
    assert known_seconds("plain", job, frame.assign(network_size=32), 10) is None
    assert known_seconds("plain", job, pd.DataFrame({"key": []}), 10) is None


@pytest.mark.slow
def test_a_training_is_not_repeated_where_the_table_has_it(program, tmp_path):
    table = tmp_path / "table.csv"
    planned = program("--dry-run", "--seeds", "1")
    assert planned.exit_code == 0, planned.output
    assert "discs: 2 trainings, 2 to run" in planned.output
    assert "* without scores" in planned.output
    assert not table.exists()
    first = program("--seeds", "1")
    assert first.exit_code == 0, first.output
    before = pd.read_csv(table)
    assert before["recipe"].tolist() == ["masked", "plain"]
    assert before["probe/f1_macro_5"].between(0, 1).all()
    kept = sorted((tmp_path / "study" / "recipes" / "discs").glob("*/embeddings.npz"))
    assert [path.parent.name[:9] for path in kept] == ["masked-s0", "plain-s0-"]
    with np.load(kept[0]) as stored:
        assert stored["labelled"].shape[1] == 8

    shutil.rmtree(tmp_path / "study")  # as on another machine, to which the table alone was brought
    left = program("--dry-run", "--seeds", "2", "--only", "plain")
    assert "discs: 2 trainings, 1 to run" in left.output
    assert "* without scores" not in left.output
    again = program("--seeds", "2")
    assert "discs: 4 trainings, 2 to run" in again.output, again.output
    found = pd.read_csv(table)
    assert sorted(zip(found["recipe"], found["seed"], strict=True)) == [
        ("masked", 0), ("masked", 1), ("plain", 0), ("plain", 1),
    ]  # fmt: skip
    pd.testing.assert_frame_equal(found[:2], before)

    table.unlink()
    (one,) = (tmp_path / "study" / "recipes" / "discs").glob("plain-s1-*")
    trained = (one / "result.json").stat().st_mtime_ns
    assert "2 to run" in program("--seeds", "2", "--only", "plain").output
    assert (one / "result.json").stat().st_mtime_ns == trained, "its row is made from its folder"
    assert set(pd.read_csv(table)["seed"]) == {0, 1}


@pytest.mark.slow
def test_a_training_that_fails_does_not_stop_the_others(program, tmp_path, monkeypatch):
    def diverging(job):
        if job.configuration.method == "mask_fixed":
            raise TrainingError("The loss is nan in epoch 1.")
        return train(job)

    monkeypatch.setattr("bench.study.recipes.train", diverging)  # a learning rate that diverges is refused before
    found = program("--seeds", "1")
    assert found.exit_code == 2
    assert "1 of 2: masked, seed 0 failed: The loss is nan in epoch 1." in found.output
    assert "1 training failed" in found.output
    assert pd.read_csv(tmp_path / "table.csv")["recipe"].tolist() == ["plain"]


def test_a_table_in_use_or_of_another_kind_is_refused(program, tmp_path):
    with file_lock(tmp_path / ".table.csv.lock"):
        busy = program("--seeds", "1")
    assert busy.exit_code == 2
    assert "is locked by process" in busy.output
    for text in ("", "a,b\n1,2\n"):
        (tmp_path / "table.csv").write_text(text)
        other = program("--seeds", "1")
        assert other.exit_code == 2
        assert "is not a table of trainings" in other.output
        assert (tmp_path / "table.csv").read_text() == text
