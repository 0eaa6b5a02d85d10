"""Cost of writing metrics to MLflow's local database, and of reading them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.home.datasets import open_dataset
from bench.home.resources import this_machine
from bench.perf.beside import compare
from bench.planning.options import SearchOptions
from bench.planning.request import make_request
from bench.record import load
from bench.record.jobs import Jobs, record_of
from bench.record.trial import TrialRecord
from bench.tracking.client import connect
from bench.tracking.tracker import Tracker
from cellbench.scores.metrics import all_metrics

METRICS = {metric.name: 0.5 for metric in all_metrics() if metric.when == "epoch" and not metric.is_family}


class Store:
    """A search in a new database whose trials train nothing.

    Args:
        n_trials: Largest number of trials to write.
        n_epochs: Number of epochs of each trial.
    """

    def __init__(self, n_trials: int, n_epochs: int) -> None:
        options = SearchOptions(method=["mask_fixed"], dataset="noise", name="perf", epochs=n_epochs)
        request, self.folder = make_request(options, this_machine, "perf")
        self.folder.directory.mkdir(parents=True)
        request.write(self.folder)
        self.tracker = Tracker(request, open_dataset("noise").card, "cpu")
        configuration = request.spaces[0].configuration(request.spaces[0].complete({}))
        job = Jobs(request, self.folder).final([configuration])[0]
        self._n_epochs = n_epochs
        self._unused = (record_of(job.model_copy(update={"seed": seed}), seed) for seed in range(n_trials))

    def one_trial(self) -> TrialRecord:
        """Write a trial like a search: to the search folder and to MLflow, one batch for each epoch."""
        record = next(self._unused)
        self.folder.write(record)
        self.tracker.trial_started(record)
        for epoch in range(1, self._n_epochs + 1):
            self.tracker.epoch(record, self.folder.trial(record.key).append_history(epoch, METRICS))
        record.outcome, record.ended, record.epoch = "completed", time.time(), self._n_epochs
        self.folder.write(record)
        self.tracker.trial_ended(record, self.folder.trial(record.key).directory)
        assert not self.tracker.is_behind
        return record

    def metric_by_metric(self) -> None:
        """Write a trial like a plain training script: one call for each metric."""
        client = connect()
        run = client.create_run(self.tracker.experiment_id)
        for epoch in range(1, self._n_epochs + 1):
            for name, value in METRICS.items():
                client.log_metric(run.info.run_id, name, value, step=epoch)
        client.set_terminated(run.info.run_id)


def test_writing_epochs(benchmark: Any, home: Path) -> None:
    store, n_epochs = Store(10, 20), 20
    assert home.is_dir()

    def one_trial() -> None:
        store.one_trial()

    variants: dict[str, Callable[[], None]] = {
        "cellbench, one batch per epoch": one_trial,
        "log_metric": store.metric_by_metric,
    }
    compare(benchmark, variants, n_epochs, "epochs", rounds=3)
    benchmark.extra_info["metrics per epoch"] = len(METRICS)


@pytest.mark.parametrize("n_trials", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_trials_of_100_epochs(benchmark: Any, home: Path, n_trials: int) -> None:
    """Write the trials and read every metric of every epoch. Milliseconds are processor time."""
    n_epochs = 100
    store, database = Store(n_trials, n_epochs), home / "mlflow.db"
    empty = database.stat().st_size
    seconds, computed = [], []

    def write() -> None:
        for _ in range(n_trials):
            start, begun = time.perf_counter(), time.process_time()
            store.one_trial()
            seconds.append(time.perf_counter() - start)
            computed.append(time.process_time() - begun)

    benchmark.pedantic(write, rounds=1)
    tenth = n_trials // 10
    info = benchmark.extra_info
    info["epochs/s written"] = round(n_trials * n_epochs / sum(seconds), 1)
    for name, part in (("all", computed), ("the first tenth", computed[:tenth]), ("the last tenth", computed[-tenth:])):
        info[f"ms of processor time to write an epoch, {name}"] = round(1e3 * sum(part) / len(part) / n_epochs, 2)
    info["database, kB per trial"] = round((database.stat().st_size - empty) / 1e3 / n_trials)
    folder = sum(path.stat().st_size for path in store.folder.directory.rglob("*") if path.is_file())
    info["search folder, kB per trial"] = round(folder / 1e3 / n_trials)

    start = time.process_time()
    assert len(load("perf")) == n_trials
    info["ms per trial, read by bench.results"] = _ms(start, n_trials)

    start = time.process_time()
    assert all(len(store.folder.trial(record.key).history()) == n_epochs for record in store.folder.records())
    info["ms per trial, every epoch read from the search folder"] = _ms(start, n_trials)

    client, experiment = connect(), store.tracker.experiment_id
    runs: list[Any] = []
    start, token = time.process_time(), None
    while not runs or token:
        page = client.search_runs([experiment], "tags.`cellbench.trial` != ''", max_results=1000, page_token=token)
        runs.extend(page)
        token = page.token
    assert len(runs) == n_trials
    info["ms per trial, read by MLflow's search_runs"] = _ms(start, n_trials)

    start = time.process_time()
    for run in runs:
        assert all(len(client.get_metric_history(run.info.run_id, name)) == n_epochs for name in METRICS)
    info["ms per trial, every epoch of every metric read from MLflow"] = _ms(start, n_trials)


def _ms(start: float, n_trials: int) -> float:
    return round(1e3 * (time.process_time() - start) / n_trials, 2)
