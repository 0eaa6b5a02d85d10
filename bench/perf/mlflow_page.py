"""Measures how long MLflow's page of a search takes until its table is drawn, in Chromium on this machine.

    CELLBENCH_HOME=/tmp/many python -m bench.perf.mlflow_page --trials 1000

Needs playwright and Chromium. Without `CELLBENCH_HOME`, a temporary folder is used. The trials are those of
`bench.perf.many_trials`, with one epoch each; nothing is trained.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench.home.paths import searches_dir
from bench.perf.many_trials import NAME, SIZE, write_search
from bench.record.folder import SearchFolder
from bench.record.request import Request
from bench.terminal.console import say
from bench.tracking.tracker import Tracker
from cellbench.patches.card import Card


def write_runs(folder: SearchFolder, n_trials: int) -> None:
    """Write a drawn search to its folder and to MLflow, where they are missing.

    Args:
        folder: Folder of the search.
        n_trials: Number of trials.
    """
    if not folder.has_begun:
        write_search(folder, n_trials, epochs=1)
        for record in folder.records():
            folder.trial(record.key).history_path.unlink()
            folder.trial(record.key).append_history(1, record.metrics)
    known: dict[str, Any] = {"name": "drawn", "native_size": SIZE, "um_per_px": 0.1}
    card = Card.model_construct(None, **known)
    began = time.perf_counter()
    Tracker(Request.read(folder), card, "cpu").repair(folder)
    say(f"{n_trials} runs written in {time.perf_counter() - began:.0f} s")


def measure(name: str, port: int, rounds: int) -> list[float]:
    """Return the seconds from the request of the page to its first rows, each in a new window.

    Args:
        name: Name of the search.
        port: A free port.
        rounds: Number of windows.
    """
    from playwright.sync_api import sync_playwright

    found = []
    command = [sys.executable, "-m", "bench.ui", "--search", name, "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        printed = ""
        while "startup complete" not in printed:
            printed += server.stdout.readline()
        address = re.findall(r"Open (\S+) ", printed)[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for _ in range(rounds):
                page, began = browser.new_page(), time.perf_counter()
                page.goto(address)
                page.locator(".ag-center-cols-container .ag-row").first.wait_for(timeout=300_000)
                found.append(time.perf_counter() - began)
                page.close()
            browser.close()
    finally:
        server.terminate()
        server.wait()
    return found


def main() -> None:
    """Write the search where it is missing, and measure its page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=1000, help="number of trials (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="number of windows (default 5)")
    parser.add_argument("--port", type=int, default=5003, help="a free port (default 5003)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ.setdefault("CELLBENCH_HOME", temporary)
        folder = SearchFolder(searches_dir() / f"{NAME}{options.trials}")
        write_runs(folder, options.trials)
        seconds = sorted(measure(folder.name, options.port, options.rounds))
        say(f"{options.trials} trials: first rows after {seconds[0]:.1f} to {seconds[-1]:.1f} s")


if __name__ == "__main__":
    main()
