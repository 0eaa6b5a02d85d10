"""A search's request on the data set `discs`, and stand-ins for what Ray Tune passes."""

import shutil

import pytest

import bench.tuning  # noqa: F401 - sets Ray's environment before any test imports Ray
from bench.record.folder import SearchFolder
from bench.record.jobs import Jobs
from bench.record.request import Request
from bench.space.reader import load_space
from cellbench.training.configuration import TrainingSettings


def _make_request(patch_set, methods=("mask_fixed",), **changes):
    values = {
        "name": "test",
        "command": "python -m bench.search",
        "dataset": patch_set.card.name,
        "dataset_path": patch_set.path,
        "fingerprint": patch_set.card.fingerprint,
        "native_size": patch_set.card.native_size,
        "um_per_px": patch_set.card.um_per_px,
        "profile": "cpu",
        "spaces": tuple(load_space(method).scaled(patch_set.card.native_size) for method in methods),
        "sampler": "tpe",
        "scheduler": "asha",
        "objective": "f1",
        "n_trials": 4,
        "n_finalists": 1,
        "n_folds": 1,
        "n_seeds": 1,
        "reduction": 2,
        "n_rungs": 1,
        "seed": 0,
        "time_budget_s": None,
        "oracle": False,
        "settings": TrainingSettings(
            probe="kernel_ridge", epochs=4, batch_size=16, network_size=16, encoder="test_resnet", threads=1
        ),
        "concurrent": "auto",
        "cpus_per_trial": 1,
        "gpus_per_trial": "auto",
        "address": None,
    }
    return Request.model_validate({**values, **changes})


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty CELLBENCH_HOME."""
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture
def folder(home):
    """The folder of a search that has not begun."""
    found = SearchFolder(home / "searches" / "test")
    found.directory.mkdir(parents=True)
    return found


@pytest.fixture
def make_request(discs):
    """Makes requests for `discs`: of methods, with changes."""
    return lambda *methods, **changes: _make_request(discs, methods or ("mask_fixed",), **changes)


@pytest.fixture
def jobs(make_request, folder):
    """Makes the jobs of a search of mask_fixed on `discs`."""
    return Jobs(make_request(), folder)


@pytest.fixture
def browser():
    """Chromium of this machine; without it, or without playwright, the test is skipped."""
    api = pytest.importorskip("playwright.sync_api", reason="pip install playwright brings what drives the browser")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine; apt-get install chromium")
    with api.sync_playwright() as playwright:
        # The sandbox needs rights that a container does not give; the page is ours.
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()
