"""Time from the command to the first training step, by stage, and the time of the libraries alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

LIBRARIES = (
    "import torch, timm, ray, ray.tune, optuna, mlflow, sklearn.model_selection; "
    "ray.init('local', include_dashboard=False, logging_level='CRITICAL')"
)
MOMENTS = {"request checked, Ray and MLflow started": "request.yaml", "worker started": "trials/*/hung.txt"}


def test_start(benchmark: Any, home: Path) -> None:
    rounds: list[dict[str, float]] = []

    def start() -> None:
        rounds.append(_one_start(home, f"start-{len(rounds)}") | {"libraries and Ray alone": _libraries_alone()})

    benchmark.pedantic(start, rounds=3)
    for name in rounds[0]:
        seconds = sorted(each[name] for each in rounds)
        benchmark.extra_info[f"{name}, s"] = f"{seconds[1]:.1f} ({seconds[0]:.1f}–{seconds[2]:.1f})"


def _one_start(home: Path, name: str) -> dict[str, float]:
    """Start a search and return the seconds from the command to each moment."""
    command = [sys.executable, "-m", "bench.search", "--method", "vae", "--dataset", "noise", "--name", name]
    command += ["--encoder", "test_resnet", "--size", "16", "--trials", "2", "--epochs", "200"]
    begun = time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
    folder = home / "searches" / name
    found: dict[str, float] = {}
    while "first step" not in found:
        for moment, pattern in MOMENTS.items():
            if moment not in found and any(folder.glob(pattern)):
                found[moment] = time.time() - begun
        if "Ray starting" not in found and _has_ray(process.pid):
            found["Ray starting"] = time.time() - begun
        for history in folder.glob("trials/*/history.jsonl"):
            line = history.read_text().partition("\n")[0]
            if line:
                entry = json.loads(line)
                found["first epoch ended"] = entry["time"] - begun
                took = 120 / entry["metrics"]["speed/patches_per_s"]
                found["first step"] = entry["time"] - begun - took
                break
        assert process.poll() is None, "the search ended before its first epoch"
        time.sleep(0.02)
    os.killpg(process.pid, 9)
    process.wait()
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _has_ray(pid: int) -> bool:
    try:
        children = psutil.Process(pid).children(recursive=True)
        return any("gcs_server" in " ".join(child.cmdline()) for child in children)
    except psutil.Error:
        return False


def _libraries_alone() -> float:
    start = time.time()
    subprocess.run([sys.executable, "-c", LIBRARIES], check=True, capture_output=True)
    return time.time() - start
