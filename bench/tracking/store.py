"""How what a search knows is named in MLflow; nothing here imports MLflow."""

import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.ledger import TrialRecord
from bench.words import params_in_words

FINAL = ("probe/", "cost/", "val/l1_core", "latent/leakage", "latent/cell_content")
"""Metrics that only a trial with its full budget has."""
EACH_EPOCH = ("train/", "val/", "latent/", "radius/", "speed/")


def metrics_of(
    record: TrialRecord, entries: Iterable[dict[str, Any]], rungs: Sequence[int]
) -> list[tuple[str, float, int, int]]:
    """Return name, value, time in ms and epoch of each metric that MLflow shows.

    Args:
        record: The trial.
        entries: Entries of its history in the ledger.
        rungs: Epochs at which trials of the search stage are compared.
    """
    found = []
    for entry in entries:
        epoch = entry["epoch"]
        for name, value in entry["metrics"].items():
            if name.startswith("rung/"):
                wanted = record.stage == "search" and epoch in rungs
            elif name.startswith(FINAL):
                wanted = epoch >= record.epochs
            else:
                wanted = name.startswith(EACH_EPOCH)
            if wanted:
                found.append((metric_name(name), value, int(1000 * entry["time"]), epoch))
    return found


def note_of(record: TrialRecord, um_per_px: float | None) -> str:
    """Return what a trial is, in words."""
    what = {
        "search": f"a try on fold {record.fold}",
        "folds": f"a finalist on fold {record.fold}",
        "final": "a winner on the whole pool, from a fresh seed",
        "oracle": "the ceiling: patches masked by their contour",
    }[record.stage]
    text = f"{record.method} with {params_in_words(record.method, record.params, um_per_px)}: {what}."
    return f"{text} {record.outcome.capitalize()}: {record.reason}" if record.reason else text


def metric_name(name: str) -> str:
    """Return a name that MLflow takes; classes may be called anything.

    >>> metric_name("probe/f1/neutrophil (band)")
    'probe/f1/neutrophil _band_'
    """
    return re.sub(r"[^\w\-./ :]", "_", name)


def code_version() -> str:
    """Return the commit of the checkout that runs, else the version of the package."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
        found = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
        return found.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        from importlib.metadata import version

        return version("cellbench")
