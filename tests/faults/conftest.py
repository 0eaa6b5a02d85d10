"""A search that is the same each time, undisturbed and disturbed."""

import shutil

import pytest
from programs import SMALL, Home

SAME_EACH_TIME = (
    "--method", "mask_sampled", "--dataset", "discs", "--trials", "3", "--epochs", "8", "--folds", "1", "--seeds", "1",
    "--sampler", "random", "--scheduler", "none", "--concurrent", "2", "--cpus-per-trial", "1", "--no-oracle",
    "--profile", "cpu", *SMALL,
)  # fmt: skip
"""Trials are not compared with each other, so nothing depends on which one ends first."""


@pytest.fixture(scope="session")
def options():
    """Options of a search that gives the same numbers each time."""
    return SAME_EACH_TIME


@pytest.fixture(scope="session")
def home(tmp_path_factory, discs):
    """A home with a copy of the data set `discs`, which may be changed, and an undisturbed search `whole`."""
    home = Home(tmp_path_factory.mktemp("home"))
    shutil.copytree(discs.path, home.path / "datasets" / "discs")
    home.run(*SAME_EACH_TIME, "--name", "whole")
    return home


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
        assert home.processes() == []

    return check
