"""Fixtures of the measurements: patches, settings and a home folder."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from cellbench.patches.write import write_patch_set


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Use one thread, like a trial that shares a machine with others."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def patches(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.uint8]:
    """Return 640 patches of 32 px as a memory map, like the patches of a trial."""
    path: Path = tmp_path_factory.mktemp("perf") / "patches.npy"
    np.save(path, np.random.default_rng(0).integers(0, 255, (640, 32, 32, 3), dtype=np.uint8))
    found: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder with a small data set."""
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    random = np.random.default_rng(0)
    index = pd.DataFrame({"label": np.arange(300) % 3, "group": np.arange(300) // 10}).astype(str)
    patches = random.integers(0, 255, (300, 16, 16, 3), dtype=np.uint8)
    write_patch_set(tmp_path / "datasets" / "noise", patches=patches, index=index, name="noise", seed=0)
    return tmp_path
