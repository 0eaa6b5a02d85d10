"""What it costs to keep metrics in MLflow's local database, and to read them again."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.home import open_dataset
from bench.jobs import Jobs, record_of
from bench.ledger import Ledger, TrialRecord
from bench.perf.beside import beside
from bench.planning import Asked, make_request
from bench.results import search_frame
from bench.tracking.client import connect
from bench.tracking.tracker import Tracker

N_METRICS, N_EPOCHS, N_TRIALS = 12, 20, 50
METRICS = {f"val/m{number}": 0.5 for number in range(N_METRICS)}


def test_writing_and_reading_epochs(benchmark: Any, home: Path) -> None:
    request, ledger = make_request(Asked("perf", ["mask_fixed"], "noise", name="perf", epochs=N_EPOCHS))
    ledger.directory.mkdir(parents=True)
    request.write(ledger)
    tracker = Tracker(request, open_dataset("noise").card, "cpu")
    makes = Jobs(request, ledger)
    configuration = request.spaces[0].configuration(request.spaces[0].complete({}))
    job = makes.final([configuration])[0]
    records = [record_of(job.model_copy(update={"seed": seed}), seed) for seed in range(N_TRIALS + 100)]
    unused = iter(records)

    def one_trial() -> None:
        _write(ledger, tracker, next(unused))

    def metric_by_metric() -> None:
        _metric_by_metric(tracker)

    ways: dict[str, Callable[[], None]] = {"cellbench, one batch an epoch": one_trial, "log_metric": metric_by_metric}
    beside(benchmark, ways, N_EPOCHS, "epochs", rounds=3)
    for _ in range(N_TRIALS - 4):
        one_trial()
    info = benchmark.extra_info
    info["metrics an epoch"] = N_METRICS
    info["kB of the database, a trial"] = round((home / "mlflow.db").stat().st_size / 1e3 / N_TRIALS)
    start = time.perf_counter()
    assert len(search_frame("perf")) == N_TRIALS
    info["ms to read a trial from the search's folder"] = round(1e3 * (time.perf_counter() - start) / N_TRIALS, 2)
    client = connect()
    start = time.perf_counter()
    assert len(client.search_runs([tracker.experiment_id], max_results=1000)) >= N_TRIALS
    info["ms to read a trial by MLflow's search_runs"] = round(1e3 * (time.perf_counter() - start) / N_TRIALS, 2)


def _write(ledger: Ledger, tracker: Tracker, record: TrialRecord) -> None:
    ledger.write(record)
    tracker.trial_started(record)
    for epoch in range(1, N_EPOCHS + 1):
        tracker.epoch(record, ledger.append_history(record.key, epoch, METRICS))
    record.outcome, record.ended, record.epoch = "completed", time.time(), N_EPOCHS
    ledger.write(record)
    tracker.trial_ended(record, ledger.trial_directory(record.key))


def _metric_by_metric(tracker: Tracker) -> None:
    """Do as a training script does by itself."""
    client = connect()
    run = client.create_run(tracker.experiment_id)
    for epoch in range(1, N_EPOCHS + 1):
        for name, value in METRICS.items():
            client.log_metric(run.info.run_id, name, value, step=epoch)
    client.set_terminated(run.info.run_id)
