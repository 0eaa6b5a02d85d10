"""Where MLflow keeps runs, and how what a search knows is named there; nothing here imports MLflow."""

import os
import re
import socket
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from bench.home import home
from bench.ledger import TrialRecord
from bench.words import params_in_words
from cellbench.errors import StoreError

FINAL = ("probe/", "cost/", "val/l1_core", "latent/leakage")
"""Metrics that only a trial with its full budget has."""
EACH_EPOCH = ("train/", "val/", "latent/", "radius/", "speed/", "rung/")


def store_uri() -> str:
    """Return where runs are kept: `MLFLOW_TRACKING_URI`, else a database in `CELLBENCH_HOME`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


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
            if name == "rung/f1_macro":
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


def check_reachable(uri: str) -> None:
    """Check within seconds that a server listens; MLflow itself would try for minutes.

    Raises:
        StoreError: None does.
    """
    parts = urlparse(uri)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=5).close()
    except OSError as error:
        raise unreachable(uri, error) from None


def unreachable(uri: str, error: Exception, more: str = "") -> StoreError:
    """Return the one sentence for a store that does not answer; a password in its address is left out."""
    shown = re.sub(r"//[^/@]*@", "//…@", uri)
    lines = str(error).strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    local = uri.startswith("sqlite:")
    way_out = "let CELLBENCH_HOME" if local else "start its server, or let MLFLOW_TRACKING_URI"
    return StoreError(
        f"The MLflow store {shown} cannot be used ({reason.rstrip('.')}); {way_out} point to another.{more}"
    )
