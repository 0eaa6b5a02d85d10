from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from bench.home import datasets, holdout_looks, paths
from cellbench import marrow
from cellbench.errors import DataError, NotFoundError, SettingError
from cellbench.floors import FLOORS, CachedFloor, floor_context
from cellbench.patches import write_patch_set
from cellbench.training.configuration import TrainingSettings


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def write(path, **options):
    patches = np.random.default_rng(0).integers(0, 255, (60, 8, 8, 3), dtype=np.uint8)
    return write_patch_set(
        path, patches=patches, index=pd.DataFrame({"label": ["a", "b"] * 30}), name=path.name, **options
    )


@pytest.fixture
def built_in(own_home, monkeypatch):
    """One built-in data set, `toy`, and a list of how often it was drawn."""
    drawn = []

    def make(name, directory):
        drawn.append(name)
        return write(directory)

    monkeypatch.setattr(marrow, "BUILTIN", {"toy": None})
    monkeypatch.setattr(marrow, "make_builtin", make)
    return drawn


def test_the_variable_sets_the_home(own_home):
    assert paths.home() == own_home
    assert paths.datasets_dir() == own_home / "datasets"
    assert paths.searches_dir() == own_home / "searches"
    assert paths.cache_dir() == own_home / "cache"
    assert not own_home.exists()


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_it_is_in_the_users_home(monkeypatch, tmp_path, value):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CELLBENCH_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("CELLBENCH_HOME", value)
    assert paths.home() == tmp_path / ".cellbench"


def test_a_built_in_data_set_is_drawn_once_on_first_use(built_in):
    assert datasets.dataset_names() == []
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(datasets.open_dataset, ["toy"] * 4))
    assert built_in == ["toy"]
    assert {len(patch_set) for patch_set in found} == {60}
    assert datasets.dataset_names() == ["toy"]


def test_the_message_for_an_unknown_data_set_names_the_nearest_and_the_command(built_in, own_home):
    write(paths.datasets_dir() / "cells")
    with pytest.raises(
        NotFoundError, match=r"no data set 'cell' in .*; did you mean 'cells'\? Known: cells, toy\. Add it"
    ):
        datasets.open_dataset("cell")


@pytest.mark.parametrize("name", ["", "../x", ".x", "a/b", "a b", "x" * 65])
def test_a_name_that_is_not_a_valid_folder_is_refused(own_home, name):
    with pytest.raises(SettingError, match="cannot be the name of a data set"):
        datasets.open_dataset(name)


def test_a_damaged_data_set_is_named(built_in):
    patch_set = datasets.open_dataset("toy")
    (patch_set.path / "card.yaml").write_text("")
    with pytest.raises(DataError, match=r"toy/card\.yaml is not a valid card"):
        datasets.open_dataset("toy")


def test_looks_at_the_holdout_are_counted_across_threads_and_survive_the_set(built_in):
    patch_set = datasets.open_dataset("toy")
    assert holdout_looks.holdout_looks(patch_set) == 0
    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(lambda _: holdout_looks.count_holdout_look(patch_set), range(12)))
    assert sorted(counts) == list(range(1, 13))
    datasets.remove_dataset("toy")
    assert holdout_looks.holdout_looks(datasets.open_dataset("toy")) == 12
    other = write(paths.datasets_dir() / "toy", seed=5, replace=True)
    assert holdout_looks.holdout_looks(other) == 0


def test_a_damaged_counter_is_an_error(built_in):
    patch_set = datasets.open_dataset("toy")
    (paths.datasets_dir() / ".holdout-looks.json").write_text("[")
    with pytest.raises(SettingError, match=r"cannot be counted\. Repair it, or remove it"):
        holdout_looks.count_holdout_look(patch_set)


def test_removing_a_data_set_removes_its_resized_copies_and_floors(built_in):
    patch_set = datasets.open_dataset("toy")
    patch_set.resized(4, paths.cache_dir())
    context = floor_context(patch_set, TrainingSettings(network_size=8, views=1), (0,))
    CachedFloor("pca", FLOORS.get("pca")(context), patch_set, (0,), paths.cache_dir()).fitted(0)
    assert len(list(paths.cache_dir().glob("*-floor-pca-*"))) == 1
    datasets.remove_dataset("toy")
    assert not list(paths.cache_dir().iterdir())
    assert datasets.dataset_names() == []


def test_the_cache_can_be_on_another_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path / "shared"))
    assert paths.cache_dir() == tmp_path / "shared" / "cache"
    monkeypatch.setenv("CELLBENCH_CACHE", str(tmp_path / "scratch"))
    assert paths.cache_dir() == tmp_path / "scratch"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", none)
    monkeypatch.delenv("CELLBENCH_HOME")
    with pytest.raises(
        SettingError, match="no home folder; set HOME or CELLBENCH_HOME to a folder that can be written"
    ):
        paths.home()
    monkeypatch.setenv("CELLBENCH_CACHE", "~nobody-here/cache")
    with pytest.raises(SettingError, match=r"CELLBENCH_CACHE \(~nobody-here/cache\) is the home of an unknown user"):
        paths.cache_dir()
