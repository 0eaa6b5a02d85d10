"""The search command as a user types it, from files to the verdict."""

import json

import pytest
from programs import SMALL, Home
from typer.testing import CliRunner


@pytest.fixture
def home(tmp_path, discs):
    """A home with the data set `discs`."""
    return Home(tmp_path, discs)


def test_help_loads_no_heavy_library(heavy_modules_after):
    code = "from typer.testing import CliRunner; from bench.search import app\nCliRunner().invoke(app, ['--help'])"
    assert heavy_modules_after(code) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name a method, for example --method mask_fixed, or --method all."),
        (("--method", "mask_fixt", "--dataset", "discs"), "did you mean 'mask_fixed'"),
        (("--method", "vae", "--dataset", "disks"), "There is no data set 'disks'"),
        (("--method", "vae", "--dataset", "discs", "--share-trials"), "--share-trials divides trials among methods"),
        (
            ("--method", "vae", "--dataset", "discs", "--size", "24", "--screen-size", "24"),
            "--screen-size must be below 24 px, the size of the finalists; got 24.",
        ),
        (("--resume", "never"), "There is no search 'never'"),
        (
            ("--resume", "never", "--trials", "3"),
            "--trials cannot be combined with --resume, which keeps all other options.",
        ),
        (("--resume", "never", "vae"), "A METHOD argument cannot be combined with --resume"),
        (("--resume", "never", "--no-oracle"), "--oracle cannot be combined with --resume"),
        (("--method", "vae", "--epocs", "3"), "There is no option --epocs; did you mean --epochs"),
        (("--method", "vae", "--epochs", "many"), "--epochs must be a valid integer"),
        (("--method",), "Option '--method' requires an argument."),
    ],
)
def test_a_mistake_is_one_red_sentence_and_exit_code_2(home, monkeypatch, arguments, message):
    """The program runs in this process, because it takes seconds to start; other tests start it."""
    from bench.search import app
    from bench.terminal.console import console, error_console

    monkeypatch.setenv("CELLBENCH_HOME", str(home.path))
    monkeypatch.setenv("COLUMNS", "120")
    console.cache_clear()
    error_console.cache_clear()
    found = CliRunner().invoke(app, list(arguments))
    assert found.exit_code == 2
    assert isinstance(found.exception, SystemExit), found.exception
    assert message in found.stderr
    assert found.stdout == ""
    assert {path.name for path in home.path.iterdir()} == {"datasets"}, "nothing is written"


def test_a_store_that_cannot_be_reached_is_met_before_anything_is_written(home):
    _, errors = home.run(
        "--method", "vae", "--dataset", "discs", "--size", "16", expect=2, MLFLOW_TRACKING_URI="http://127.0.0.1:9"
    )  # fmt: skip
    assert "The MLflow store http://127.0.0.1:9 cannot be used" in errors
    assert not list(home.path.glob("searches/*"))


@pytest.mark.slow
def test_a_search_on_real_cells_from_files_to_the_verdict(tmp_path, real_data):
    home = Home(tmp_path)
    images = real_data("pbc")
    home.run(
        "add", "cells", "--from", "folder", images, "--label-pattern", "^(?P<label>[A-Z]+)_",
        "--max-per-class", "20", program="datasets",
    )  # fmt: skip
    output, _ = home.run(
        "--method", "mask_fixed", "--dataset", "cells", "--trials", "2", "--epochs", "2", "--finalists", "1",
        "--folds", "1", "--seeds", "1", "--name", "s", "--profile", "cpu", "--concurrent", "1", *SMALL,
    )  # fmt: skip
    for part in ("fresh seed", "floor pca_masked", "95 % interval", "look number 1 at this holdout", "r_max",
                 "python -m bench.ui", "python -m bench.classify --search s", "Importance"):  # fmt: skip
        assert part in output
    assert "No winner" in output or "above the strongest floor" in output
    assert {"request.yaml", "summary.json", "table.csv", "figure.png", "importances.csv"} <= {
        path.name for path in home.search("s").iterdir()
    }
    found = home.runs("s")
    assert {run.info.status for _, run in found} == {"FINISHED"}
    assert len(found) == 1 + 2 + 1
    parent = dict(found)[""].data.metrics
    assert parent["holdout/f1_low"] <= parent["holdout/f1_macro"] <= parent["holdout/f1_high"]
    table, _ = home.run("s", program="results")
    assert table.count("final") == 1
    again, _ = home.run("--resume", "s")
    assert "The search s has ended." in again
    assert "look number 1 at this holdout" in again, "the holdout was not looked at again"


@pytest.mark.long
def test_all_methods_are_compared_in_one_table(home):
    """tests/suppression trains each method."""
    output, _ = home.run(
        "--method", "all", "--dataset", "discs", "--trials", "1", "--epochs", "1", "--seeds", "1", "--folds", "1",
        "--name", "all", "--profile", "cpu", *SMALL,
    )  # fmt: skip
    for name in ("vae", "rae", "noise", "mask_fixed", "mask_sampled", "mask_learned", "crop_small", "crop_medium",
                 "floor random", "floor pca", "floor ring_profile", "ceiling oracle"):  # fmt: skip
        assert name in output
    rows = (home.search("all") / "table.csv").read_text().splitlines()
    assert sum(row.startswith("method,") for row in rows) == 8


@pytest.mark.long
def test_methods_that_share_their_trials_have_finalists_in_common(home):
    output, _ = home.run(
        "--method", "vae", "mask_fixed", "--dataset", "discs", "--share-trials", "--trials", "4", "--epochs", "2",
        "--finalists", "2", "--folds", "2", "--seeds", "1", "--no-oracle", "--name", "shared", "--profile", "cpu",
        *SMALL,
    )  # fmt: skip
    assert "The methods shared 8 trials (" in output
    stages = [record["stage"] for record in home.records("shared").values()]
    assert stages.count("search") == 8
    assert stages.count("folds") == 2
    assert 1 <= stages.count("final") <= 2


@pytest.mark.long
def test_configurations_are_screened_at_less_and_finalists_trained_at_full(home):
    output, _ = home.run(
        "--method", "mask_fixed", "--dataset", "discs", "--screen-size", "16", "--screen-pool", "0.6", "--trials", "5",
        "--epochs", "2", "--finalists", "2", "--folds", "2", "--seeds", "1", "--no-oracle", "--name", "screened",
        "--profile", "cpu", *SMALL, "--size", "24",
    )  # fmt: skip
    assert "Trials ran at 16 px on 60% of the patches, finalists at 24 px on all patches: the configuration" in (
        " ".join(output.split())
    )
    records = home.records("screened").values()
    folds = sorted((record["configuration"], record["fold"]) for record in records if record["stage"] == "folds")
    assert [fold for _, fold in folds] == [0, 1, 0, 1], "finalists are trained on the first fold again"
    costs = {stage: {r["metrics"]["cost/patches"] for r in records if r["stage"] == stage and "cost/patches" in
                     r["metrics"]} for stage in ("search", "folds")}  # fmt: skip
    assert max(costs["search"]) < 0.7 * min(costs["folds"])


@pytest.mark.long
def test_a_front_then_a_search_that_begins_with_its_winner_and_may_end_by_itself(home):
    few = ("--method", "mask_fixed", "--dataset", "discs", "--epochs", "1", "--seeds", "1", "--no-oracle",
           "--set", "normalize=true", "--set", "lr=0.001", "--set", "beta=0.001", "--views", "1",
           "--profile", "cpu", *SMALL)  # fmt: skip
    output, _ = home.run(*few, "--objective", "f1,ssim", "--trials", "5", "--folds", "2", "--name", "front")
    assert "Pareto front, on fold 0" in output
    assert "(winner)" in output
    assert {"front.csv", "front.png", "response.png"} <= {path.name for path in home.search("front").iterdir()}
    output, _ = home.run(
        *few, "--warm-start", "--stop-early", "--trials", "9", "--scheduler", "none", "--folds", "1", "--name", "warm"
    )
    assert "mask_fixed starts with: front, the radius estimate" in output
    assert (
        "The trials of mask_fixed stopped early" in output or "The 9 trials of mask_fixed did not stop early" in output
    )
    assert "Any r_max from" in output
    parent = dict(home.runs("warm"))[""].data
    assert {"response/r_max_low", "response/r_max_high", "response/noise"} <= set(parent.metrics)
    assert parent.params["warm_start"].startswith("mask_fixed: front, the radius estimate")


@pytest.mark.slow
def test_a_search_has_the_supervised_ceiling_and_a_resumed_one_does_not_train_it_again(ended_search, tmp_path):
    home = ended_search.copy(tmp_path)
    output, _ = home.run("--resume", "whole")
    assert "ceiling supervised (one fold)" in output
    assert "of the way" in output
    shown = (home.search("whole") / "summary.json").read_text()
    cached = {path: path.stat().st_mtime_ns for path in (home.path / "cache").glob("*-supervised-*-fold*")}
    assert len(cached) == 1
    for name in ("summary.json", ".recorded"):
        (home.search("whole") / name).unlink()
    output, _ = home.run("--resume", "whole")
    assert "floors, the supervised ceiling, and one look at the holdout" in output
    assert {path: path.stat().st_mtime_ns for path in (home.path / "cache").glob("*-supervised-*")} == cached
    again = (home.search("whole") / "summary.json").read_text()
    rows = [json.loads(text)["rows"] for text in (shown, again)]
    assert rows[0] == rows[1]
