"""The search command as a user types it, from files to the verdict."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

SMALL = ["--size", "16", "--encoder", "test_resnet", "--batch-size", "16", "--no-compile"]


@pytest.fixture
def home(tmp_path, discs):
    """A CELLBENCH_HOME with the data set `discs`."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    return tmp_path


def environment(home):
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return {**kept, "CELLBENCH_HOME": str(home), "PYTHONWARNINGS": "ignore", "COLUMNS": "120"}


def start(home, *arguments, program="search"):
    command = [sys.executable, "-m", f"bench.{program}", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        process_group=0,
    )


def run(home, *arguments, program="search", expect=0):
    process = start(home, *arguments, program=program)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == expect, output + errors
    return output, errors


def runs(home, search, monkeypatch):
    from bench.tracking.client import connect

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home}/mlflow.db")
    client = connect()
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(ids, f"tags.`cellbench.search` = '{search}'", max_results=500)
    return {run.data.tags.get("cellbench.trial", ""): run for run in found}


def test_help_answers_within_a_second_and_loads_nothing_heavy(heavy_modules_after):
    assert heavy_modules_after("import bench.options, bench.search, bench.cli, bench.results, bench.ui") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name a method, for example --method mask_fixed, or --method all."),
        (("--method", "mask_fixt", "--dataset", "discs"), "did you mean 'mask_fixed'"),
        (("--method", "vae", "--dataset", "disks"), "There is no data set 'disks'"),
        (("--resume", "never"), "There is no search 'never'"),
        (("--resume", "never", "--trials", "3"), "--resume takes --trials from the search itself; leave it away."),
    ],
)
def test_a_mistake_is_one_red_sentence_and_exit_code_2(home, arguments, message):
    output, errors = run(home, *arguments, expect=2)
    assert message in errors
    assert "Traceback" not in errors
    assert output == ""
    assert {path.name for path in home.iterdir()} == {"datasets"}, "nothing is written"


def test_a_store_that_cannot_be_reached_is_met_before_anything_is_written(home):
    command = [sys.executable, "-m", "bench.search", "--method", "vae", "--dataset", "discs", "--size", "16"]
    found = subprocess.run(
        command,
        env={**environment(home), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert "The MLflow store http://127.0.0.1:9 cannot be used" in found.stderr
    assert not list(home.glob("searches/*"))


@pytest.mark.slow
def test_a_search_on_real_cells_from_files_to_the_verdict(tmp_path, real_data, monkeypatch):
    images = real_data("pbc")
    run(
        tmp_path, "add", "cells", "--from", "folder", images, "--label-pattern", "^(?P<label>[A-Z]+)_",
        "--max-per-class", "30", program="datasets",
    )  # fmt: skip
    output, _ = run(
        tmp_path, "--method", "mask_fixed", "--dataset", "cells", "--trials", "4", "--epochs", "3", "--finalists", "1",
        "--folds", "2", "--seeds", "2", "--name", "s", *SMALL,
    )  # fmt: skip
    for part in ("fresh seeds", "floor pca_masked", "95 % interval", "look number 1 at this holdout", "r_max",
                 "python -m bench.ui", "python -m bench.classify --search s", "What mattered"):  # fmt: skip
        assert part in output
    assert "No winner" in output or "above the best floor" in output
    folder = tmp_path / "searches" / "s"
    assert {"request.yaml", "summary.json", "table.csv", "figure.png", "importances.csv"} <= {
        path.name for path in folder.iterdir()
    }
    found = runs(tmp_path, "s", monkeypatch)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert len(found) == 1 + 4 + 1 + 2
    parent = found[""].data.metrics
    assert parent["holdout/f1_low"] <= parent["holdout/f1_macro"] <= parent["holdout/f1_high"]
    table, _ = run(tmp_path, "s", program="results")
    assert table.count("final") == 2
    again, _ = run(tmp_path, "--resume", "s")
    assert "The search s has ended." in again
    assert "look number 1 at this holdout" in again, "the holdout was not looked at again"


@pytest.mark.slow
def test_all_methods_are_compared_in_one_table(home):
    output, _ = run(
        home, "--method", "all", "--dataset", "discs", "--trials", "1", "--epochs", "1", "--seeds", "1", "--folds", "1",
        "--name", "all", *SMALL,
    )  # fmt: skip
    for name in ("vae", "rae", "noise", "mask_fixed", "mask_sampled", "mask_learned", "crop_small", "crop_medium",
                 "floor random", "floor pca", "ceiling oracle"):  # fmt: skip
        assert name in output
    rows = (home / "searches" / "all" / "table.csv").read_text().splitlines()
    assert sum(row.startswith("method,") for row in rows) == 8


OPTIONS = (
    "--method", "mask_sampled", "--dataset", "discs", "--trials", "2", "--epochs", "10", "--folds", "1", "--seeds", "1",
    "--scheduler", "none", "--concurrent", "1", "--cpus-per-trial", "1", "--no-oracle", *SMALL,
)  # fmt: skip
"""A search that is the same each time: one trial at a time, and none is compared with another."""


@pytest.fixture(scope="module")
def common_home(tmp_path_factory, discs):
    """A home with the data set `discs` and a search `whole` that was not stopped."""
    home = tmp_path_factory.mktemp("home")
    (home / "datasets").mkdir()
    (home / "datasets" / "discs").symlink_to(discs.path)
    run(home, *OPTIONS, "--name", "whole")
    return home


def metrics(home, name):
    """Return all metrics of all trials but those of time."""
    found = {}
    for path in sorted((home / "searches" / name / "trials").glob("*/trial.json")):
        record = json.loads(path.read_text())
        found[record["key"]] = {
            key: value for key, value in record["metrics"].items() if not key.startswith(("cost/", "speed/"))
        }
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_search_that_was_stopped_goes_on_and_ends_with_the_very_numbers_of_one_that_was_not(
    common_home, number, monkeypatch
):
    home, name = common_home, f"stopped-by-{number}"
    process = start(home, *OPTIONS, "--name", name)
    trials = home / "searches" / name / "trials"
    end = time.monotonic() + 120
    while time.monotonic() < end and not any(
        len(path.read_text().splitlines()) >= 4 for path in trials.glob("*/history.jsonl")
    ):
        time.sleep(0.05)
    if number == signal.SIGTERM:
        os.killpg(process.pid, number)  # as `timeout` and batch systems send it: to Ray's processes too
    else:
        process.send_signal(number)
    output, errors = process.communicate(timeout=120)
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130, output + errors
        assert f"Go on with: python -m bench.search --resume {name}" in errors
        assert "Traceback" not in errors
        assert "RUNNING" not in {run.info.status for run in runs(home, name, monkeypatch).values()}
    if number == signal.SIGTERM:
        return  # from here on it is as after SIGINT
    run(home, "--resume", name)
    assert metrics(home, name) == metrics(home, "whole")
    found = runs(home, name, monkeypatch)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert len(found) == 1 + 2 + 1
