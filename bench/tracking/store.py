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

FINAL = ("probe/", "cost/", "val/l1_core", "latent/leakage", "latent/cell_content")
"""Metrics that only a trial with its full budget has."""
EACH_EPOCH = ("train/", "val/", "latent/", "radius/", "speed/")
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
"""Where a store of each kind listens unless its address says otherwise."""


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


def check_reachable(uri: str) -> None:
    """Check within seconds that a server or a database listens; MLflow itself would try for minutes.

    Raises:
        StoreError: None does, or its address holds a password, which MLflow would show in errors and logs.
    """
    parts = urlparse(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in PORTS or parts.hostname is None:
        return
    if scheme.startswith("http") and "@" in parts.netloc:
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({shown(uri)}) holds a user name or password, which others could then read; leave it "
            "out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    try:
        socket.create_connection((parts.hostname, parts.port or PORTS[scheme]), timeout=5).close()
    except OSError as error:
        raise unreachable(uri, error) from None


def shown(text: str) -> str:
    """Return a text in which addresses have neither user name nor password.

    >>> shown("postgresql://me:p/w@host/runs is away")
    'postgresql://…@host/runs is away'
    """
    return re.sub(r"://\S*@", "://…@", text)


def unreachable(uri: str, error: Exception, more: str = "") -> StoreError:
    """Return the one sentence for a store that does not answer, or not us; it holds no password."""
    status = error.get_http_status_code() if hasattr(error, "get_http_status_code") else None
    if status == 401:
        return StoreError(
            f"The MLflow server {shown(uri)} refuses this user name and password; set MLFLOW_TRACKING_USERNAME and "
            f"MLFLOW_TRACKING_PASSWORD, or write them into ~/.mlflow/credentials.{more}"
        )
    lines = shown(str(error)).strip().splitlines()
    reason = lines[0].rstrip(".") if lines else type(error).__name__
    if status == 403:
        return StoreError(
            f"The MLflow server {shown(uri)} does not allow this ({reason}); ask who runs it for the permission.{more}"
        )
    way_out = "let CELLBENCH_HOME" if uri.startswith("sqlite:") else "start its server, or let MLFLOW_TRACKING_URI"
    return StoreError(f"The MLflow store {shown(uri)} cannot be used ({reason}); {way_out} point to another.{more}")
