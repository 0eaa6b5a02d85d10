"""A CELLBENCH_HOME of its own, and the programs run in it as a user types them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SMALL = ("--size", "16", "--encoder", "test_resnet", "--batch-size", "16", "--no-compile")
"""Options of a search on the data set `discs` whose epochs take less than a second."""


SAME_EACH_TIME = (
    "--method", "mask_sampled", "--dataset", "discs", "--trials", "3", "--epochs", "8", "--folds", "1", "--seeds", "1",
    "--sampler", "random", "--scheduler", "none", "--cpus-per-trial", "1", "--no-oracle",
    "--profile", "cpu", *SMALL,
)  # fmt: skip
"""Trials are not compared with each other, so nothing depends on which one ends first."""


class Home:
    """A home that may hold a data set.

    Args:
        path: Its folder, made where it is missing.
        patch_set: Data set that is linked into it.
    """

    def __init__(self, path, patch_set=None):
        self.path = Path(path)
        (self.path / "datasets").mkdir(parents=True, exist_ok=True)
        if patch_set is not None:
            (self.path / "datasets" / patch_set.card.name).symlink_to(patch_set.path)

    @property
    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        return {**kept, "CELLBENCH_HOME": str(self.path), "PYTHONWARNINGS": "ignore", "COLUMNS": "120"}

    def copy(self, folder):
        """Return a home with a copy of everything, which may be changed."""
        from bench.record.folder import SearchFolder
        from bench.record.request import Request

        shutil.copytree(self.path, folder, dirs_exist_ok=True, symlinks=True)
        for path in folder.glob("searches/*"):
            search = SearchFolder(path)
            request = Request.read(search)
            request.model_copy(update={"dataset_path": folder / "datasets" / request.dataset}).write(search)
        return Home(folder)

    def start(self, *arguments, program="search", **environment):
        """Start a program in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", f"bench.{program}", *map(str, arguments)],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.path,
            process_group=0,
        )

    def run(self, *arguments, program="search", expect=0, **environment):
        """Run a program to its end, check its exit code, and return what it wrote to its two outputs."""
        process = self.start(*arguments, program=program, **environment)
        output, errors = process.communicate(timeout=900)
        assert process.returncode == expect, output + errors
        assert "Traceback" not in errors
        return output, errors

    def search(self, name):
        """Return the folder of a search."""
        return self.path / "searches" / name

    def records(self, name):
        """Return the records of a search's trials by their key."""
        found = [json.loads(path.read_text()) for path in self.search(name).glob("trials/*/trial.json")]
        return {record["key"]: record for record in found}

    def metrics(self, name):
        """Return all metrics of a search's trials but those of time."""
        return {
            key: {name: v for name, v in record["metrics"].items() if not name.startswith(("cost/", "speed/"))}
            for key, record in self.records(name).items()
        }

    def n_epochs(self, name):
        """Return how many epochs of any trial have been written down."""
        return sum(len(path.read_text().splitlines()) for path in self.search(name).glob("trials/*/history.jsonl"))

    def runs(self, name):
        """Return the MLflow runs of a search and its trials as a list of (trial key or nothing for the search, run)."""
        return [(key, run) for key, run in self._all_runs(name) if not key.startswith(("floor ", "ceiling "))]

    def baselines(self, name):
        """Return the keys of the MLflow runs of a search's floors and ceilings, each as often as there are runs."""
        return sorted(key for key, _ in self._all_runs(name) if key.startswith(("floor ", "ceiling ")))

    def _all_runs(self, name):
        from bench.tracking.client import connect

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{self.path}/mlflow.db")
            client = connect()
        ids = [experiment.experiment_id for experiment in client.search_experiments()]
        found = client.search_runs(ids, f"tags.`cellbench.search` = '{name}'", max_results=500)
        return [(run.data.tags.get("cellbench.trial", ""), run) for run in found]

    def processes(self):
        """Return the processes that belong to this home, Ray's among them.

        But for Ray's two agents of a node: where the node was killed, they look for it for minutes before they end.
        """
        mine = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("CELLBENCH_HOME") == str(self.path) and process.status() != "zombie"
                if ours and not process.cmdline()[0].startswith(("ray::DashboardAgent", "ray::RuntimeEnvAgent")):
                    mine.append(process)
            except psutil.Error:
                continue
        return mine


def kill(process):
    """Kill a whole process group, as the failure of a machine does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def plan_search(*methods, **typed):
    """Return the request and the folder of a search, as `bench.search` makes them.

    Args:
        methods: Names of methods.
        typed: Other options, by the names of their fields, as typed.
    """
    from bench.pipeline.run import find_machine
    from bench.planning.options import SearchOptions
    from bench.planning.request import make_request
    from bench.terminal.command_line import checked

    options = checked(SearchOptions, {"method": list(methods)} | typed)
    return make_request(options, lambda: find_machine(options.address), "python -m bench.search")


def wait_until(condition, seconds=600.0):
    """Wait until a condition holds; say whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
