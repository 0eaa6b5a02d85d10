"""A search as a tidy table."""

import pandas as pd
import pytest

from bench.planning.arguments import SearchArguments
from bench.planning.request import make_request
from bench.record.folder import SearchFolder
from bench.results import search_frame
from cellbench.errors import NotFoundError


@pytest.fixture
def folder(tmp_path, monkeypatch, discs):
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    request, found = make_request(SearchArguments(command="x", methods=["mask_fixed"], dataset="discs", name="s"))
    request.write(found)
    return found


def test_a_search_that_has_not_begun_is_an_empty_table(folder):
    assert len(search_frame("s")) == 0


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
    frame = search_frame("s")
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
    from bench.results import _show

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
    _show(search_frame("s"))
    header, row, *_ = capsys.readouterr().out.splitlines()
    assert header.split()[:8] == ["stage", "fold", "seed", "outcome", "F1", "SSIM", "L1", "leakage"]
    assert row.split()[4:8] == ["0.500", "0.400", "0.200", "0.300"]


def test_an_unknown_search_is_an_error(folder):
    with pytest.raises(NotFoundError, match=r"did you mean 's'|known: s"):
        search_frame("t")
    assert SearchFolder.open("s").name == "s"


def test_a_search_that_a_floor_beats_is_listed_without_a_winner(folder, capsys):
    from bench.record.summary import Row, Summary
    from bench.results import _list

    rows = [
        Row(kind="method", name="mask_fixed", f1_macro=0.5, f1_std=0.01),
        Row(kind="floor", name="pca", f1_macro=0.6, f1_std=0.01),
    ]
    ended = Summary(
        search="s", dataset="discs", winner="mask_fixed", rows=rows, importances={}, n_holdout=9, look=1, notes=[],
        final={}, seconds=1.0,
    )  # fmt: skip
    ended.write(folder)
    _list()
    printed = capsys.readouterr().out
    assert "no winner: pca ahead" in printed
    assert "won by" not in printed
