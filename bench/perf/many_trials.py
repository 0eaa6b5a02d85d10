"""Measures how long `results`, `status` and `report` take for a search of many trials, and how much memory.

    CELLBENCH_HOME=/tmp/many python -m bench.perf.many_trials --trials 5000

Without `CELLBENCH_HOME`, a temporary folder is used. Each trial has a record and a history of 20 epochs, drawn at
random; nothing is trained.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.home.paths import searches_dir
from bench.record.folder import SearchFolder
from bench.record.request import Request
from bench.record.trial import TrialRecord
from bench.space.reader import load_space
from bench.terminal.console import say
from cellbench.training.configuration import TrainingSettings

NAME = "many"
SIZE = 368
EPOCHS = 20
METHODS = ("mask_fixed", "vae")
OF_EPOCHS = ("train/loss", "train/reconstruction", "train/kl", "speed/patches_per_s", "latent/active_units")
OF_TRIALS = (
    *OF_EPOCHS, "probe/f1_macro", "probe/f1_std", "probe/accuracy", "val/ssim_cell", "val/l1_cell", "val/l1_core",
    "val/l1_core_native",
    "latent/leakage", "cost/seconds", "cost/patches",
)  # fmt: skip


def write_search(folder: SearchFolder, n_trials: int, epochs: int = EPOCHS) -> None:
    """Write a search of two methods with many trials, all of the stage `search`.

    Out of ten trials, six are completed, three are pruned and one failed; the last trial runs.

    Args:
        folder: Folder of the search.
        n_trials: Number of trials.
        epochs: Lines of each history.
    """
    _request(folder.name, n_trials, epochs).write(folder)
    rng = np.random.default_rng(0)
    for number in range(n_trials):
        folder.write(record := _record(number, number == n_trials - 1, epochs, rng))
        lines = [
            json.dumps({"epoch": epoch, "time": record.started + epoch, "metrics": _drawn(OF_EPOCHS, rng)})
            for epoch in range(1, record.epoch + 1)
        ]
        folder.trial(record.key).history_path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _request(name: str, n_trials: int, epochs: int) -> Request:
    return Request.model_validate(
        {
            "name": name, "command": "python -m bench.search", "dataset": "drawn", "dataset_path": "/drawn",
            "fingerprint": "0", "native_size": SIZE, "um_per_px": 0.1, "profile": "cpu",
            "spaces": tuple(load_space(method).scaled(SIZE) for method in METHODS), "sampler": "tpe",
            "scheduler": "asha", "objective": "f1", "n_trials": n_trials, "n_finalists": 1, "n_folds": 1, "n_seeds": 1,
            "reduction": 2, "n_rungs": 1, "seed": 0, "time_budget_s": None, "oracle": False,
            "settings": TrainingSettings(epochs=epochs), "concurrent": "auto", "cpus_per_trial": 1,
            "gpus_per_trial": "auto", "address": None,
        }
    )  # fmt: skip


def _record(number: int, is_running: bool, epochs: int, rng: np.random.Generator) -> TrialRecord:
    method = METHODS[number % len(METHODS)]
    outcome = (
        "running" if is_running else "failed" if number % 10 == 9 else "pruned" if number % 10 > 5 else "completed"
    )
    epoch = {"completed": epochs, "pruned": epochs // 4, "failed": 1, "running": epochs // 2}[outcome]
    params = {"lr": float(rng.uniform(1e-4, 1e-2)), "beta": float(rng.uniform(1e-3, 1e-1)), "latent_dim": 256}
    if method == "mask_fixed":
        params = {"r_max": float(rng.uniform(30, 180))} | params
    return TrialRecord.model_validate(
        {
            "key": f"{number:010x}-search-f0-s0", "number": number, "stage": "search", "method": method,
            "configuration": f"{number:010x}", "params": params, "fold": 0, "seed": 0, "epochs": epochs,
            "outcome": outcome, "epoch": epoch, "started": 1.7e9 + number,
            "metrics": _drawn(OF_TRIALS if outcome == "completed" else OF_EPOCHS, rng),
            "ended": None if is_running else 1.7e9 + number + epoch, "nodes": ["127.0.0.1"],
        }
    )  # fmt: skip


def _drawn(names: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, rng.uniform(0, 1, len(names)), strict=True)}


def _measure(*command: str) -> str:
    """Return wall time, CPU time and peak memory of a program that runs alone."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = used.ru_utime + used.ru_stime
    return f"{time.perf_counter() - began:.1f} s, CPU {cpu:.1f} s, {used.ru_maxrss / 1024:.0f} MiB"  # Linux counts KiB


def main() -> None:
    """Write the search where it is missing, and measure the programs that read it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=5000, help="number of trials (default 5000)")
    n_trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as temporary:
        os.environ.setdefault("CELLBENCH_HOME", temporary)
        folder = SearchFolder(searches_dir() / f"{NAME}{n_trials}")
        if not folder.has_begun:
            # In a process of its own: a program that this one starts counts the memory of this one as its own.
            writer = multiprocessing.get_context("spawn").Process(target=write_search, args=(folder, n_trials))
            writer.start()
            writer.join()
        csv = str(Path(temporary) / "trials.csv")
        commands = (
            ["status", folder.name],
            ["results"],
            ["results", folder.name, "--csv", csv],
            ["results", folder.name],
            ["report", folder.name, "--no-mlflow"],
        )
        for command in commands:
            say(f"{' '.join(command)}: {_measure(f'bench.{command[0]}', *command[1:])}")


if __name__ == "__main__":
    main()
