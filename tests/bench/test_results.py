"""A search as a tidy table."""

import pandas as pd
import pytest
from programs import plan_search

from bench.perf.many_trials import write_search
from bench.record import load
from bench.record.folder import SearchFolder
from bench.results import results
from bench.terminal.console import console
from bench.terminal.formatting import value_in_words
from cellbench.errors import NotFoundError


@pytest.fixture
def folder(tmp_path, monkeypatch, discs):
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    request, found = plan_search("mask_fixed", dataset="discs", name="s", profile="cpu")
    request.write(found)
    return found


def test_a_search_that_has_not_begun_is_an_empty_table(folder):
    assert len(load("s")) == 0


def test_each_trial_is_a_row_with_its_parameters_and_metrics(folder):
    from bench.record.jobs import Jobs, record_of
    from bench.record.request import Request

    jobs = Jobs(Request.read(folder), folder)
    space = jobs.request.spaces[0]
    configuration = space.configuration(space.grid_points()[0])
    tried = record_of(jobs.search(configuration), 0)
    tried.outcome, tried.ended, tried.metrics = "completed", tried.started + 5, {"probe/f1_macro": 0.5}
    final = record_of(jobs.final([configuration])[0], 0)
    for record in (final, tried):
        folder.write(record)
    frame = load("s")
    assert frame["stage"].tolist() == ["search", "final"]
    assert frame["fold"].tolist()[0] == 0
    assert pd.isna(frame["fold"].tolist()[1])
    assert frame["params/r_max"].tolist() == [7.812, 7.812]
    assert frame["probe/f1_macro"].tolist()[0] == 0.5
    assert (frame["ended"] - frame["started"]).dt.total_seconds()[0] == pytest.approx(5)
    assert frame["dataset"].unique().tolist() == ["discs"]


def test_the_trials_of_a_search_are_listed_with_the_listed_metrics(folder, capsys):
    from bench.record.jobs import Jobs, record_of
    from bench.record.request import Request

    jobs = Jobs(Request.read(folder), folder)
    space = jobs.request.spaces[0]
    trial = record_of(jobs.search(space.configuration(space.grid_points()[0])), 0)
    trial.outcome = "completed"
    trial.metrics = {
        "val/l1": 0.9,
        "latent/leakage": 0.3,
        "val/ssim_cell": 0.4,
        "val/l1_core": 0.2,
        "probe/f1_macro": 0.5,
    }
    folder.write(trial)
    results("s")
    header, row, *_ = capsys.readouterr().out.splitlines()
    assert header.split()[:8] == ["stage", "fold", "seed", "outcome", "F1", "SSIM", "L1", "leakage"]
    assert row.split()[4:8] == ["0.500", "0.400", "0.200", "0.300"]


def test_a_search_from_before_a_changed_metric_is_listed_but_not_resumed_by_it(folder, capsys):
    from bench.record.definitions import check_definitions
    from bench.record.jobs import Jobs, record_of
    from bench.record.request import Request
    from cellbench.errors import SettingError

    request = Request.read(folder)
    jobs, space = Jobs(request, folder), request.spaces[0]
    trial = record_of(jobs.search(space.configuration(space.grid_points()[0])), 0)
    trial.outcome, trial.metrics = "completed", {"val/l1_core": 0.2, "probe/f1_macro": 0.5}
    folder.write(trial)
    results("s")
    assert "0.200" in capsys.readouterr().out
    check_definitions(request, folder.records())  # F1 has kept its definition
    by_l1 = request.model_copy(update={"objective": "l1_core"})
    with pytest.raises(SettingError, match=r"s was begun when val/l1_core had another definition.*bench.results s"):
        check_definitions(by_l1, folder.records())
    trial.metrics["val/l1_core_native"] = 0.3
    check_definitions(by_l1, [trial])


def test_an_unknown_search_is_an_error(folder):
    with pytest.raises(NotFoundError, match=r"did you mean 's'|known: s"):
        load("t")
    assert SearchFolder.open("s").name == "s"


def test_a_search_that_a_floor_beats_is_listed_without_a_winner(folder, capsys):
    from bench.record.summary import Row, Summary

    rows = [
        Row(kind="method", name="mask_fixed", f1_macro=0.5, f1_std=0.01),
        Row(kind="floor", name="pca", f1_macro=0.6, f1_std=0.01),
    ]
    ended = Summary(
        search="s", dataset="discs", winner="mask_fixed", rows=rows, importances={}, n_holdout=9, look=1, notes=[],
        final={}, seconds=1.0,
    )  # fmt: skip
    ended.write(folder)
    results()
    printed = capsys.readouterr().out
    assert "no winner: pca ahead" in printed
    assert "won by" not in printed


@pytest.fixture
def many(tmp_path, monkeypatch):
    """The folder of a stopped search of 30 trials, of which nothing was trained."""
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    found = SearchFolder(tmp_path / "searches" / "many")
    write_search(found, 30, epochs=4)
    return found


@pytest.mark.parametrize("program", ["results", "status"])
def test_lists_of_trials_load_neither_torch_nor_pandas(many, heavy_modules_after, program):
    # Both take longer to import than 5000 trials to read.
    loaded = heavy_modules_after(f"from bench.{program} import {program}\n{program}('many')")
    assert set(loaded[loaded.index("many") + 1 :] if "many" in loaded else loaded) & {"torch", "pandas", "ray"} == set()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_every_trial_is_readable_at_any_width(many, monkeypatch, capsys, width):
    monkeypatch.setattr("bench.terminal.console.PIPED_WIDTH", width)
    console.cache_clear()
    results("many")
    console.cache_clear()
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    words = " ".join(printed.split())
    for record in many.records():
        assert f"lr {value_in_words(record.params['lr'])}" in words
        if record.outcome == "completed":
            assert f"{record.metrics['probe/f1_macro']:.3f}" in words
    is_table = printed.startswith("stage ") and printed.splitlines()[0].split()[1] == "fold"
    assert is_table == (width >= 80)
    assert ("F1 0." in words) == (width < 80)


def test_the_trials_of_an_ended_search_are_not_read_to_list_it(many, capsys):
    from bench.record.summary import Row, Summary

    rows = [Row(kind=k, name=n, f1_macro=f, f1_std=0.0) for k, n, f in (("method", "vae", 0.6), ("floor", "pca", 0.5))]
    Summary(
        search="many", dataset="drawn", winner="vae", rows=rows, importances={}, n_holdout=9, look=1, notes=[],
        final={}, seconds=1.0,
    ).write(many)  # fmt: skip
    next(many.trials_directory.glob("*/trial.json")).write_text("{")
    results()
    assert "vae ahead by 0.100" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00"], ids=["empty", "truncated", "no text"])
@pytest.mark.parametrize(
    ("file", "message"), [("request.yaml", "request.yaml is damaged"), ("trials/*/trial.json", "trial.json is damaged")]
)
def test_a_damaged_file_is_one_sentence(many, capsys, file, message, content):
    next(many.directory.glob(file)).write_bytes(content)
    with pytest.raises(SystemExit, match="2"):
        results("many")
    assert message in " ".join(capsys.readouterr().err.split())
