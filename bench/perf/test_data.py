"""A large data set: the time to open it, and the memory of several readers together."""

import multiprocessing
import re
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.perf.beside import compare
from cellbench.patches import PatchSet
from cellbench.patches.write import write_patch_set

N, SIZE, NETWORK_SIZE = 100_000, 64, 32


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of 100 000 patches of 64 px (1.2 GB) with a resized copy of 32 px."""
    folder = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(0)
    patches = np.lib.format.open_memmap(folder / "all.npy", mode="w+", dtype=np.uint8, shape=(N, SIZE, SIZE, 3))
    for start in range(0, N, 10_000):
        patches[start : start + 10_000] = random.integers(0, 255, (10_000, SIZE, SIZE, 3), dtype=np.uint8)
    index = pd.DataFrame({"label": np.arange(N) % 10, "group": np.arange(N) // 500}).astype(str)
    found = write_patch_set(folder / "large", patches=patches, index=index, name="large", seed=0)
    found.resized(NETWORK_SIZE, folder / "cache")
    return folder


def test_opening_100_000_patches(benchmark: Any, large: Path) -> None:
    def ours() -> None:
        patch_set = PatchSet.open(large / "large")
        patch_set.patches[patch_set.rows("pool")[:32]]

    def whole() -> None:
        np.load(large / "all.npy")[:32]

    compare(benchmark, {"cellbench": ours, "numpy, into memory": whole}, 1, "openings", rounds=3)


def test_memory_of_workers_on_100_000_patches(benchmark: Any, large: Path) -> None:
    context = multiprocessing.get_context("spawn")

    def together(n: int) -> float:
        """Return the memory of all workers in MB. Shared pages are divided among their users."""
        read, sizes = context.Barrier(n), context.Queue()
        workers = [context.Process(target=_read_all, args=(large, read, sizes)) for _ in range(n)]
        for worker in workers:
            worker.start()
        total = sum(sizes.get() for _ in workers)
        for worker in workers:
            worker.join()
        return float(total)

    found = benchmark.pedantic(lambda: {n: together(n) for n in (1, 2, 4)}, rounds=1)
    n_bytes = N * NETWORK_SIZE**2 * 3
    benchmark.extra_info["the resized copy, MB"] = round(n_bytes / 1e6)
    for n, total in found.items():
        benchmark.extra_info[f"{n} worker{'s' * (n > 1)}, total PSS, MB"] = round(total)


def _read_all(folder: Path, read: Barrier, sizes: Any) -> None:
    """Read every patch once, like an epoch, and report the memory of this process after all workers have done so."""
    patches = PatchSet.open(folder / "large").resized(NETWORK_SIZE, folder / "cache")
    for start in range(0, N, 1000):
        patches[start : start + 1000].sum()
    read.wait()
    time.sleep(0.5)
    text = Path("/proc/self/smaps_rollup").read_text()
    match = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
    assert match is not None
    sizes.put(int(match[1]) * 1024 / 1e6)
    read.wait()
