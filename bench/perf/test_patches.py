"""Cost of a patch by number of patches: opening a data set, the resized copy, an epoch of training, embedding."""

import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from cellbench.patches import PatchSet
from cellbench.patches.write import write_patch_set
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.embedding import embed
from cellbench.training.trainer import Trainer

SIZE, NETWORK_SIZE, ROUNDS = 64, 16, 3
STEPS = ("opening", "reading role and label", "resizing, 64 to 16 px", "training, one epoch", "embedding")


@pytest.mark.parametrize("n", [1000, 10_000, 100_000])
def test_cost_of_a_patch(benchmark: Any, tmp_path: Path, n: int) -> None:
    """Medians of three rounds in processor and wall time. timm's smallest network keeps the share of training small."""
    folder = _data_set(tmp_path, n)
    found: dict[str, list[tuple[float, float]]] = {step: [] for step in STEPS}

    def all_steps() -> None:
        for step, seconds in zip(STEPS, _seconds(folder, tmp_path / "cache"), strict=True):
            found[step].append(seconds)
        shutil.rmtree(tmp_path / "cache")

    benchmark.pedantic(all_steps, rounds=ROUNDS, warmup_rounds=0)
    for step, taken in found.items():
        computed, passed = (sorted(1e6 * each[kind] / n for each in taken) for kind in (0, 1))
        text = f"{statistics.median(computed):.3g} ({computed[0]:.3g}–{computed[-1]:.3g})"
        benchmark.extra_info[f"µs per patch, {step}"] = f"processor {text}, wall {statistics.median(passed):.3g}"


def _data_set(folder: Path, n: int) -> Path:
    random = np.random.default_rng(0)
    patches = np.lib.format.open_memmap(folder / "all.npy", mode="w+", dtype=np.uint8, shape=(n, SIZE, SIZE, 3))
    for start in range(0, n, 1000):
        patches[start : start + 1000] = random.integers(0, 255, (1000, SIZE, SIZE, 3), dtype=np.uint8)
    index = pd.DataFrame({"label": np.arange(n) % 10, "group": np.arange(n) // (n // 50)}).astype(str)
    write_patch_set(folder / "set", patches=patches, index=index, name="set", seed=0)
    (folder / "all.npy").unlink()
    return folder / "set"


def _seconds(folder: Path, cache: Path) -> list[tuple[float, float]]:
    """Return the processor seconds and the wall seconds of each of `STEPS` on all patches."""
    taken: list[tuple[float, float]] = []

    def timed(step: Callable[[], Any]) -> Any:
        computed, passed = time.process_time(), time.perf_counter()
        found = step()
        taken.append((time.process_time() - computed, time.perf_counter() - passed))
        return found

    patch_set = timed(lambda: PatchSet.open(folder))
    timed(lambda: patch_set.labels(patch_set.rows("pool")))
    patches = timed(lambda: patch_set.resized(NETWORK_SIZE, cache))
    trainer = _trainer(patches)  # its cost does not depend on the number of patches
    timed(trainer.run_epoch)
    rows = np.arange(len(patches))
    timed(lambda: embed(trainer.model, trainer.suppression, patches, rows, torch.device("cpu")))
    return taken


def _trainer(patches: NDArray[np.uint8]) -> Trainer:
    settings = TrainingSettings(epochs=1000, network_size=NETWORK_SIZE, batch_size=64, encoder="test_resnet")
    configuration = Configuration(method="vae", latent_dim=16)
    return Trainer(configuration, settings, patches, np.arange(len(patches)), SIZE, 0, torch.device("cpu"))
