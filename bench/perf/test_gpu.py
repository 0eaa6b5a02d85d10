"""On a GPU: trials that share it, peak rate, `torch.compile`, CUDA graphs, fused trials, hours of the paper's profile.

    python -m pytest bench/perf/test_gpu.py -W ignore --benchmark-json=gpu.json && python -m bench.perf.beside gpu.json

`CELLBENCH_PERF_DEVICE=cpu` runs the same code at a very small size, to check that it works.
"""

import multiprocessing
import os
import queue
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from typing import Any

import numpy as np
import pytest
import torch

from bench.forecast import Costs, forecast
from bench.perf.beside import compare
from bench.perf.fused import Fused, Separate, Trial
from bench.record.profiles import PROFILES, n_epochs
from cellbench.models import AutoEncoder
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.trainer import Trainer

DEVICE = os.environ.get("CELLBENCH_PERF_DEVICE", "cuda" if torch.cuda.is_available() else "")
ON_GPU = DEVICE == "cuda"
SIZE, SMALL, N, EPOCHS, ENCODER = (256, 64, 4096, 3, "resnet18") if ON_GPU else (32, 16, 64, 1, "test_resnet")
BATCH, LATENT = (64, 256) if ON_GPU else (16, 8)
AT_ONCE = (1, 2, 4, 8) if ON_GPU else (1, 2)
PATIENCE_S = 600
PAPER_POOL = 11_522
"""Patches of the paper's pool. An epoch of the search stage has four fifths of them."""
pytestmark = pytest.mark.skipif(not DEVICE, reason="this machine has no GPU")


@pytest.fixture(autouse=True)
def _device(benchmark: Any) -> None:
    benchmark.extra_info["device"] = torch.cuda.get_device_name() if ON_GPU else "cpu, test size"


def trainer(size: int = SIZE, compiled: bool = False) -> Trainer:
    """Return a trainer of `mask_fixed` on noise with the settings of the paper's profile."""
    patches = np.random.default_rng(0).integers(0, 255, (N, size, size, 3), dtype=np.uint8)
    settings = TrainingSettings(epochs=1000, network_size=size, batch_size=BATCH, encoder=ENCODER, compile=compiled)
    configuration = Configuration(method="mask_fixed", params={"r_max": size / 3}, latent_dim=LATENT)
    return Trainer(configuration, settings, patches, np.arange(N), size, 0, torch.device(DEVICE))


def test_trials_that_share_a_gpu(benchmark: Any) -> None:
    found = benchmark.pedantic(lambda: {n: together(n) for n in AT_ONCE}, rounds=1)
    info, flop, peak = benchmark.extra_info, _flop_a_patch(), _peak()
    info["bf16 peak, TFLOP/s: a product of two large matrices, measured"] = round(peak / 1e12, 2)
    info["GFLOP of a patch's training step"] = round(flop / 1e9, 3)
    for n, rate in found.items():
        if rate is None:
            info[f"{n} trials at {SIZE} px"] = "did not fit"
            continue
        info[f"{n} trials at {SIZE} px, total patches/s"] = round(rate)
        info[f"{n} trials at {SIZE} px, share of the peak"] = f"{rate * flop / peak:.1%}"
        n_patches = round(PAPER_POOL * 0.8)
        costs = Costs(n_patches * n / rate, 0.0, n_epochs(PROFILES["paper"], n_patches))
        hours = forecast(PROFILES["paper"], costs, n).seconds / 3600
        info[f"hours of the paper's profile for one method, {n} trials at once, predicted"] = round(hours, 1)


@pytest.mark.parametrize("size", [SMALL, SIZE])
def test_compile_and_cuda_graphs(benchmark: Any, size: int) -> None:
    def epoch(compiled: bool) -> Callable[[], None]:
        found = trainer(size, compiled)

        def run() -> None:
            found.run_epoch()  # its last step reads from the device, so the work is complete

        return run

    variants = {"a trial's epoch": epoch(False), "a trial's epoch, torch.compile": epoch(True)}
    variants["steps alone on one batch"] = bare_steps(size, graphed=False)
    if ON_GPU:
        variants["steps alone as a CUDA graph"] = bare_steps(size, graphed=True)
    compare(benchmark, variants, N, "patches", rounds=3)


@pytest.mark.parametrize("n", [2, 4, 8, 16] if ON_GPU else [2])
def test_fused_trials(benchmark: Any, n: int) -> None:
    """The reference for fused trials is the last line: as many trials in separate processes."""
    device = torch.device(DEVICE)
    trials = [Trial(SMALL / 8 + number, 0.002, 1e-3, seed=number) for number in range(n)]
    batches = torch.rand(n, BATCH, 3, SMALL, SMALL, device=device)
    noise = torch.randn(n, BATCH, LATENT, device=device)

    def steps(model: Fused | Separate) -> Callable[[], None]:
        def run() -> None:
            for _ in range(N // BATCH):
                losses = model.step(batches, noise)
            losses.tolist()  # waits for the device

        return run

    shape = ENCODER, SMALL, LATENT, device
    variants = {"one after another": steps(Separate(trials, *shape)), "fused": steps(Fused(trials, *shape))}
    compare(benchmark, variants, n * N, "patches", rounds=3)
    rate = together(n, SMALL)
    benchmark.extra_info["in separate processes, patches/s"] = "did not fit" if rate is None else round(rate)


def bare_steps(size: int, graphed: bool) -> Callable[[], None]:
    """Return a function that runs the steps of an epoch on one batch, each as a CUDA graph if `graphed`."""
    device = torch.device(DEVICE)
    model = AutoEncoder(ENCODER, size, LATENT, variational=True).to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=graphed)
    batch = torch.rand(BATCH, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
    last = torch.zeros((), device=device)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=ON_GPU, cache_enabled=not graphed):
            posterior = model.encode(batch)
            outputs = model.decode(posterior.sample(None)).float()
        loss = (outputs - batch).abs().mean() + 0.002 * posterior.kl().mean()
        torch.autograd.backward(loss)
        optimizer.step()
        last.copy_(loss.detach())

    each = _captured(step) if graphed else step

    def run() -> None:
        for _ in range(N // BATCH):
            each()
        last.item()  # waits for the device

    return run


def _captured(step: Callable[[], None]) -> Callable[[], None]:
    """Return a step as a CUDA graph. Capturing needs some warm-up steps on a side stream."""
    side_stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side_stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side_stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side_stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def together(n: int, size: int = SIZE) -> float | None:
    """Return the total patches per second of n trials in separate processes, or None if they do not fit in memory."""
    context = multiprocessing.get_context("spawn")
    begin, rates = context.Barrier(n), context.Queue()
    workers = [context.Process(target=_train, args=(size, begin, rates)) for _ in range(n)]
    for worker in workers:
        worker.start()
    try:
        found = [rates.get(timeout=PATIENCE_S) for _ in workers]
    except queue.Empty:
        raise AssertionError(f"{n} trials did not end within {PATIENCE_S} s") from None
    finally:
        for worker in workers:
            worker.join(timeout=30)
            worker.kill()
    return None if None in found else float(sum(found))


def _train(size: int, begin: Barrier, rates: Any) -> None:
    torch.set_num_threads(1)
    try:
        found = trainer(size)
        found.run_epoch()
        begin.wait(timeout=PATIENCE_S)
    except (torch.OutOfMemoryError, BrokenBarrierError):
        begin.abort()  # otherwise the others wait for this one
        rates.put(None)
        return
    start = time.perf_counter()
    for _ in range(EPOCHS):
        found.run_epoch()
    rates.put(EPOCHS * N / (time.perf_counter() - start))


def _flop_a_patch() -> float:
    """Return the floating-point operations of products and convolutions in the training step of one patch."""
    from torch.utils.flop_counter import FlopCounterMode

    found = trainer()
    with FlopCounterMode(display=False) as counter:
        found.run_epoch()
    return float(counter.get_total_flops()) / N


def _peak() -> float:
    """Return the largest rate of bfloat16 operations per second in a product of two large matrices."""
    side, repeats = (8192, 20) if ON_GPU else (256, 2)
    left = torch.randn(side, side, device=DEVICE, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(5):
        _wait()
        start = time.perf_counter()
        for _ in range(repeats):
            left @ left
        _wait()
        best = max(best, 2 * side**3 * repeats / (time.perf_counter() - start))
    return best


def _wait() -> None:
    if ON_GPU:
        torch.cuda.synchronize()
