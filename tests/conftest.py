"""Small data sets that tests share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellbench.patches.write import write_patch_set

CLASSES = ("large", "red", "small")


def draw_discs(n: int = 90, size: int = 40, n_groups: int = 10, seed: int = 0):
    """Return patches of discs that differ in radius or colour, their masks and an index."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % len(CLASSES)
    radius = np.choose(label, [12.0, 8.0, 6.0]) + rng.normal(0, 0.5, n)
    axis = np.arange(size) - (size - 1) / 2
    distance = np.hypot(axis[:, None], axis[None])
    masks = (distance[None] <= radius[:, None, None]).astype(np.uint8)
    colours = np.array([[90, 60, 160], [200, 60, 60], [90, 60, 160]])[label]
    patches = rng.integers(150, 255, (n, 1, 1, 3)) + rng.normal(0, 8, (n, size, size, 3))
    # Something else lies around the centre.
    for patch, where in zip(patches, rng.integers(0, size, (n, 2)), strict=True):
        patch[max(0, where[0] - 4) : where[0] + 4, max(0, where[1] - 4) : where[1] + 4] = (60, 160, 90)
    patches = np.where(masks[..., None] > 0, colours[:, None, None], patches).clip(0, 255).astype(np.uint8)
    index = pd.DataFrame(
        {
            "label": [CLASSES[code] for code in label],
            "group": [f"slide{(number // 3) % n_groups}" for number in range(n)],
            "radius_px": radius,
        }
    )
    return patches, masks, index


@pytest.fixture(scope="session")
def discs(tmp_path_factory):
    """A data set of 90 patches of 40 px, three classes, ten slides, with contours."""
    patches, masks, index = draw_discs()
    folder = tmp_path_factory.mktemp("datasets") / "discs"
    return write_patch_set(folder, patches=patches, masks=masks, index=index, name="discs", um_per_px=0.5, seed=0)


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_user(tmp_path_factory):
    """No test sees the searches, data sets or tracking server of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLBENCH_HOME", str(tmp_path_factory.mktemp("empty") / "home"))
        for name in ("CELLBENCH_CACHE", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small tensors gain nothing from threads, and lose much where the cores are busy."""
    import torch

    torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Files with slow tests come first: parallel processes then end with small files, at nearly the same time.

    The first of them makes the search that several files share; the others come late enough to find it.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("long")}
    sharing = list(dict.fromkeys(item.path for item in items if "ended_search" in item.fixturenames))
    first = {item.path: item for item in reversed(items)}
    maker = next((path for path in sharing if "ended_search" in first[path].fixturenames), None)
    items.sort(key=lambda item: (item.path != maker, item.path not in slow, item.path in sharing))


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Return a function that gives a folder which the first of several parallel test processes makes."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # each process has a folder of its own in that of all

    def made(name, make):
        from cellbench.disk import file_lock

        with file_lock(root / f".{name}.lock"):
            if not (root / f".{name}.made").exists():
                (root / name).mkdir()
                make(root / name)
                (root / f".{name}.made").touch()
        return root / name

    return made


@pytest.fixture(scope="session")
def ended_search(shared, discs):
    """The home of an undisturbed search `whole` that has ended, for all test processes; it must not be changed."""
    from programs import SAME_EACH_TIME, Home

    def search(folder):
        shutil.copytree(discs.path, folder / "datasets" / "discs")
        Home(folder).run(*SAME_EACH_TIME, "--concurrent", "1", "--name", "whole")

    return Home(shared("ended-search", search))


@pytest.fixture
def real_data():
    """Return the folder of a real data set, or skip."""

    def find(name):
        root = os.environ.get("CELLBENCH_TEST_DATA")
        if root is None or not (Path(root) / name).is_dir():
            pytest.skip(f"the real images of {name} are not here; let CELLBENCH_TEST_DATA point to them")
        return Path(root) / name

    return find


@pytest.fixture(scope="session")
def finished_trial(discs):
    """Return a function that trains a final trial on `discs` in a folder, with its encoder kept, and gives its job."""

    def train(folder, method, epochs, batch_size, params=None, fold=None):
        import torch

        from cellbench.training.configuration import Configuration, TrainingSettings
        from cellbench.trials.job import TrialJob
        from cellbench.trials.run import TrialRun

        job = TrialJob(
            dataset=discs.path,
            fingerprint=discs.card.fingerprint,
            cache=folder / "cache",
            directory=folder / "trial",
            configuration=Configuration(method=method, params=params or {}, latent_dim=8),
            settings=TrainingSettings(
                epochs=epochs, batch_size=batch_size, network_size=20, encoder="test_resnet", threads=1
            ),
            stage="final" if fold is None else "search",
            fold=fold,
            keep_encoder=True,
        )
        run = TrialRun(job, torch.device("cpu"))
        while not run.done:
            metrics = run.step()
        run.finish(metrics)
        return job

    return train


@pytest.fixture
def heavy_modules_after():
    """Return a function that runs code in a fresh process and gives the heavy libraries that it loaded."""

    def loaded(code):
        heavy = {"numpy", "torch", "ray", "mlflow", "sklearn", "matplotlib", "pandas", "optuna", "timm"}
        whole = f"import sys\n{code}\nprint(*sorted({heavy} & set(sys.modules)))"
        found = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True)
        return found.stdout.split()

    return loaded
