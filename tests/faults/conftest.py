"""A search that is the same each time, undisturbed and disturbed."""

import json

import pytest
from programs import SAME_EACH_TIME


@pytest.fixture(scope="session")
def options():
    """Options of a search that gives the same numbers each time."""
    return (*SAME_EACH_TIME, "--concurrent", "2")


@pytest.fixture(scope="session")
def home(tmp_path_factory, ended_search):
    """A home with the data set `discs`, which may be changed, and an undisturbed search `whole`."""
    return ended_search.copy(tmp_path_factory.mktemp("home"))


@pytest.fixture
def check_whole(home):
    """Return a function that checks that a disturbed search has the result of the undisturbed one."""

    def check(name):
        assert home.metrics(name) == home.metrics("whole"), "the same trials with the same numbers"
        assert {record["outcome"] for record in home.records(name).values()} == {"completed"}
        runs = home.runs(name)
        assert {run.info.status for _, run in runs} == {"FINISHED"}
        keys = [key for key, _ in runs]
        assert sorted(keys) == sorted(["", *home.records(name)]), "one MLflow run per trial, and one for the search"
        rows = json.loads((home.search(name) / "summary.json").read_text())["rows"]
        named = sorted(f"{row['kind']} {row['name']}" for row in rows if row["kind"] != "method")
        assert home.baselines(name) == named, "one MLflow run per floor and ceiling"
        assert home.processes() == []

    return check
