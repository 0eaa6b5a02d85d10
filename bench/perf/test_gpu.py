"""On a GPU: trials that share it, `torch.compile`, and the hours of the paper's profile.

`CELLBENCH_PERF_DEVICE=cpu` runs the same at a toy's size, to see that it runs.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from typing import Any

import numpy as np
import pytest
import torch

from bench.forecast import Costs, forecast
from bench.perf.beside import beside
from bench.profiles import PROFILES, n_epochs
from cellbench.configuration import Configuration, TrainingSettings
from cellbench.training import Trainer

DEVICE = os.environ.get("CELLBENCH_PERF_DEVICE", "cuda" if torch.cuda.is_available() else "")
ON_GPU = DEVICE == "cuda"
SIZE, N, EPOCHS, ENCODER = (256, 4096, 3, "resnet18") if ON_GPU else (32, 64, 1, "test_resnet")
pytestmark = pytest.mark.skipif(not DEVICE, reason="there is no GPU here")


def trainer(size: int = SIZE, compiled: bool = False) -> Trainer:
    """Return `mask_fixed` on noise at the paper profile's size."""
    patches = np.random.default_rng(0).integers(0, 255, (N, size, size, 3), dtype=np.uint8)
    settings = TrainingSettings(epochs=1000, network_size=size, batch_size=64, encoder=ENCODER, compile=compiled)
    configuration = Configuration(method="mask_fixed", params={"r_max": size / 3}, latent_dim=256)
    return Trainer(configuration, settings, patches, np.arange(N), size, 0, torch.device(DEVICE))


def test_trials_that_share_a_gpu(benchmark: Any) -> None:
    found = benchmark.pedantic(lambda: {n: _together(n) for n in (1, 2, 4, 8)}, rounds=1)
    info = benchmark.extra_info
    info["device"] = torch.cuda.get_device_name() if ON_GPU else "cpu"
    for n, rate in found.items():
        info[f"{n} trials at {SIZE} px, patches/s in all"] = round(rate)
    info["TFLOP/s of the best"] = round(max(found.values()) * _flop_a_patch() / 1e12, 1)
    chosen = PROFILES["paper"]
    for n in (1, chosen.max_concurrent):
        costs = Costs(11_522 * 0.8 * n / found[n], 0.0, n_epochs(chosen, round(11_522 * 0.8)))
        info[f"hours of the paper profile, {n} trials at once"] = round(forecast(chosen, costs, n).seconds / 3600, 1)


@pytest.mark.parametrize("size", [64, SIZE])
def test_compile(benchmark: Any, size: int) -> None:
    def epoch(compiled: bool) -> Callable[[], None]:
        found = trainer(size, compiled)

        def run() -> None:
            found.run_epoch()  # reads its sums from the device at its end, so it has come to an end

        return run

    beside(benchmark, {"eager": epoch(False), "torch.compile": epoch(True)}, N, "patches", rounds=3)


def _together(n: int) -> float:
    """Return the patches a second of n trials in processes of their own, all of them together."""
    context = multiprocessing.get_context("spawn")
    begin, rates = context.Barrier(n), context.Queue()
    workers = [context.Process(target=_train, args=(begin, rates)) for _ in range(n)]
    for worker in workers:
        worker.start()
    total = sum(rates.get() for _ in workers)
    for worker in workers:
        worker.join()
    return float(total)


def _train(begin: Barrier, rates: Any) -> None:
    torch.set_num_threads(1)
    found = trainer()
    found.run_epoch()
    begin.wait()
    start = time.perf_counter()
    for _ in range(EPOCHS):
        found.run_epoch()
    rates.put(EPOCHS * N / (time.perf_counter() - start))


def _flop_a_patch() -> float:
    """Return the floating-point operations of one patch's training step."""
    from torch.utils.flop_counter import FlopCounterMode

    found = trainer()
    with FlopCounterMode(display=False) as counter:
        found.run_epoch()
    return float(counter.get_total_flops()) / N
