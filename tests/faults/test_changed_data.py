"""A data set that is removed, replaced or edited under a search: the search stops or is exact, and never mixes data."""

import json
import shutil

import pytest
from changes import REFUSED, Change
from programs import SMALL, Home, wait_until

pytestmark = pytest.mark.slow

OPTIONS = (
    "--method", "mask_sampled", "--dataset", "discs", "--trials", "2", "--epochs", "6", "--folds", "2", "--finalists",
    "1", "--seeds", "1", "--sampler", "random", "--scheduler", "none", "--concurrent", "1", "--cpus-per-trial", "1",
    "--profile", "cpu", *SMALL,
)  # fmt: skip
"""A short search with every stage."""


@pytest.fixture(scope="module")
def home(tmp_path_factory, discs):
    """A home with a copy of `discs` that may be changed, and an undisturbed search `whole`."""
    home = Home(tmp_path_factory.mktemp("home"))
    shutil.copytree(discs.path, home.path / "datasets" / "discs")
    home.run(*OPTIONS, "--name", "whole")
    return home


def scores(home, name):
    """Return the final scores of a search."""
    rows = json.loads((home.search(name) / "summary.json").read_text())["rows"]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def in_stage(home, name, stage):
    """Return a condition: a trial of the stage trains; for `floors`, the last training has ended."""
    folder = home.search(name)
    if stage == "floors":
        return lambda: (folder / ".final.over").exists()
    return lambda: any(folder.glob(f"trials/*-{stage}-*/history.jsonl"))


@pytest.mark.parametrize(
    ("stage", "kind"),
    [
        pytest.param("search", "removed", marks=pytest.mark.long),
        pytest.param("search", "replaced", marks=pytest.mark.long),
        pytest.param("search", "edited", marks=pytest.mark.long),
        pytest.param("folds", "removed", marks=pytest.mark.long),
        pytest.param("folds", "replaced", marks=pytest.mark.long),
        pytest.param("folds", "edited", marks=pytest.mark.long),
        pytest.param("final", "removed", marks=pytest.mark.long),
        pytest.param("final", "replaced", marks=pytest.mark.long),
        pytest.param("final", "edited", marks=pytest.mark.long),
        pytest.param("floors", "removed", marks=pytest.mark.long),
        pytest.param("floors", "replaced", marks=pytest.mark.long),
        pytest.param("floors", "edited", marks=pytest.mark.long),
    ],
)
def test_a_search_stops_or_is_exact_when_its_data_change(home, stage, kind):
    name = f"{stage}-{kind}"
    change = Change(home, kind)
    process = home.start(*OPTIONS, "--name", name)
    assert wait_until(in_stage(home, name, stage), 400), process.communicate()
    change.make()
    try:
        output, errors = process.communicate(timeout=600)
    finally:
        change.undo()
    assert "Traceback" not in errors
    if process.returncode == 2:
        assert f"--resume {name}" in errors
        assert any(part in errors for part in REFUSED), errors
        assert not (home.search(name) / "summary.json").exists()
        home.run("--resume", name)
    else:  # the change came after the last look at the data
        assert (process.returncode, stage) == (0, "floors"), output + errors
    assert {record["outcome"] for record in home.records(name).values()} == {"completed"}
    assert home.metrics(name) == home.metrics("whole")
    assert scores(home, name) == scores(home, "whole")
