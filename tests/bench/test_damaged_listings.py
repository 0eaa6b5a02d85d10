"""Listings with one damaged folder: it is named, the others are shown, and nothing blocks."""

import os
import shutil
import signal

import pandas as pd
import pytest

from bench.datasets import list_datasets
from bench.record.folder import SearchFolder
from bench.record.jobs import Jobs, record_of
from bench.results import _list
from bench.status import status


@pytest.fixture(autouse=True)
def _alarm():
    """End a test that waits for a pipe."""
    signal.alarm(120)
    yield
    signal.alarm(0)


def replaced(path, what):
    """Put something else in place of a file."""
    path.unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "huge":
        with path.open("wb") as file:
            file.truncate(200 * 2**20)
    else:
        path.write_text(what)


DEEP = "[" * 20_000
ANYTHING = ["pipe", "folder", "huge", DEEP, "a: 2026-13-40", "{}"]


@pytest.fixture
def searches(home, make_request):
    """The search `sound` and the search `bad`, each with one trial."""
    for name in ("sound", "bad"):
        folder = SearchFolder(home / "searches" / name)
        request = make_request(name=name)
        request.write(folder)
        space = request.spaces[0]
        folder.write(record_of(Jobs(request, folder).search(space.configuration(space.grid_points()[0])), 0))
    return home / "searches"


@pytest.mark.parametrize("what", [*ANYTHING, "created: 1.0e+300"])
@pytest.mark.parametrize("file", ["request.yaml", "summary.json", "trial.json"])
def test_a_damaged_search_is_named_and_the_others_are_listed(searches, capsys, file, what):
    (trial,) = searches.glob("bad/trials/*/trial.json")
    path = trial if file == "trial.json" else searches / "bad" / file
    replaced(path, what)
    _list()
    output, errors = capsys.readouterr()
    lines = {line.split()[0]: line for line in output.splitlines()}
    assert "stopped: continue with --resume" in lines["sound"]
    assert "damaged" in lines["bad"]
    assert f"{path} " in errors


@pytest.mark.parametrize(("field", "value"), [("stage", "dreams"), ("started", 1e300), ("key", "../../x")])
def test_a_trial_with_an_impossible_value_is_damaged(searches, capsys, field, value):
    import json

    (path,) = searches.glob("bad/trials/*/trial.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    _list()
    output, errors = capsys.readouterr()
    assert "sound" in output
    assert "trial.json is damaged" in errors


@pytest.mark.parametrize("file", ["request.yaml", "trial.json", "history.jsonl", ".lock"])
def test_status_shows_the_other_running_searches(searches, capsys, file):
    (trial,) = searches.glob("bad/trials/*/trial.json")
    with SearchFolder(searches / "sound").lock(), SearchFolder(searches / "bad").lock():
        path = trial.with_name(file) if file in ("trial.json", "history.jsonl") else searches / "bad" / file
        replaced(path, "pipe")
        status(None)
        output, errors = capsys.readouterr()
    assert "sound  mask_fixed on discs" in output
    assert str(path) in errors or file == ".lock", "without a lock, the search is not running"


@pytest.mark.parametrize("text", ['{"epoch": 1, "time": "x", "metrics": {}}', '{"epoch": Infinity}', DEEP, "\udcff"])
def test_a_damaged_line_of_a_history_is_skipped(searches, text):
    (trial,) = searches.glob("bad/trials/*/")
    (trial / "history.jsonl").write_bytes(text.encode("utf-8", "surrogateescape") + b"\n")
    assert SearchFolder(searches / "bad").trial(trial.name).history() == []


@pytest.mark.parametrize(
    ("file", "what"),
    [(file, what) for file in ("card.yaml", "index.parquet", "patches.npy", "masks.npy") for what in ANYTHING]
    + [("index.parquet", column) for column in ("label", "in_pool", "valid_top", "radius_px")],
)
def test_a_damaged_data_set_is_named_and_the_others_are_listed(home, discs, capsys, file, what):
    for name in ("bad", "sound"):
        shutil.copytree(discs.path, home / "datasets" / name)
    path = home / "datasets" / "bad" / file
    if what in ("label", "in_pool", "valid_top", "radius_px"):
        wrong = [[1]] * len(discs) if what == "label" else ["no"] * len(discs)
        pd.read_parquet(path).assign(**{what: wrong}).to_parquet(path, index=False)
    else:
        replaced(path, what)
    list_datasets()
    output, errors = capsys.readouterr()
    lines = {line.split()[0]: line for line in output.splitlines()}
    assert "damaged" in lines["bad"]
    assert "90" in lines["sound"]
    assert f"{path} is" in errors or f"{path} cannot be read" in errors
