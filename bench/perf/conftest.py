"""Patches and settings that the measurements share."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """A trial beside others has one core."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def patches(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.uint8]:
    """A memory map of 640 patches of 32 px, as a trial has it."""
    path: Path = tmp_path_factory.mktemp("perf") / "patches.npy"
    np.save(path, np.random.default_rng(0).integers(0, 255, (640, 32, 32, 3), dtype=np.uint8))
    found: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return found
