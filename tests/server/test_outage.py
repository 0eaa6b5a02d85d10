"""A search whose tracking server or database fails and comes back."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from bench.record.folder import SearchFolder
from bench.record.request import Request
from bench.tracking.client import connect
from bench.tracking.names import metric_name, metrics_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

OPTIONS = (
    "--method", "mask_sampled", "--dataset", "discs", "--trials", "2", "--epochs", "40", "--folds", "1", "--seeds", "1",
    "--scheduler", "none", "--concurrent", "1", "--cpus-per-trial", "1", "--no-oracle", "--size", "16", "--encoder",
    "test_resnet", "--batch-size", "16", "--no-compile",
)  # fmt: skip


@pytest.fixture
def home(tmp_path, discs, monkeypatch):
    """A CELLBENCH_HOME with the data set `discs`."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    return tmp_path


def start(environment, *arguments):
    command = [sys.executable, "-m", "bench.search", *arguments]
    return subprocess.Popen(
        command,
        env={**environment, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def wait_for_epochs(folder, number):
    """Wait until the histories of all trials together have a number of epochs."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        found = sum(len(path.read_text().splitlines()) for path in folder.directory.glob("trials/*/history.jsonl"))
        if found >= number:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{number} epochs were not trained in time")


def runs_of(client, name):
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return client.search_runs(experiments, f"tags.`cellbench.search` = '{name}'", max_results=500)


def is_of_search_or_trial(run):
    """Return whether a run is no floor, and no ceiling that is not a trial."""
    return not run.data.tags.get("cellbench.trial", "").startswith(("floor ", "ceiling "))


def check_nothing_is_lost(server, folder, monkeypatch):
    """Compare every value of every metric and epoch on the server with the search folder."""
    for name, value in server.environment("ben").items():
        monkeypatch.setenv(name, value)
    client, request = connect(), Request.read(folder)
    runs = [run for run in runs_of(client, folder.name) if is_of_search_or_trial(run)]
    assert [run.info.status for run in runs] == ["FINISHED"] * (1 + 3)
    by_key = {run.data.tags.get("cellbench.trial"): run for run in runs}
    for record in folder.records():
        run, expected, history = by_key[record.key], {}, folder.trial(record.key).history()
        assert record.epoch == record.epochs == request.settings.epochs
        for metric, value, _, step in metrics_of(record, history, request.rungs):
            expected.setdefault(metric, []).append((step, value))
        assert len(expected["train/loss"]) == record.epochs
        kept = {metric_name(name) for entry in history for name in entry["metrics"]}
        assert kept - set(expected) <= {"rung/f1_macro"}, "MLflow gets everything in the search folder"
        for metric, values in expected.items():
            # A search that was stopped trains the epochs after its last checkpoint twice; the last value counts.
            points = sorted(client.get_metric_history(run.info.run_id, metric), key=lambda point: point.timestamp)
            assert {point.step: point.value for point in points} == dict(values), f"{metric} of {record.key}"
        assert run.data.params["epochs"] == str(record.epochs)
        assert "configuration.yaml" in {file.path for file in client.list_artifacts(run.info.run_id)}


def check_no_secret_was_written(server, folder, printed):
    """Look for every secret in all files and runs of the search and the server."""
    runs = [json.dumps(run.to_dictionary(), default=str) for run in runs_of(connect(), folder.name)]
    files = [path for path in folder.directory.rglob("*") if path.is_file()]
    files += [server.home / "mlflow.log", server.home / "postgres" / "log"]
    for secret in server.secrets():
        assert secret not in printed
        assert not [run for run in runs if secret in run]
        assert not [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "what",
    [
        pytest.param("database dies", marks=pytest.mark.long),
        pytest.param("server dies", marks=pytest.mark.long),
        pytest.param("server dies for a minute", marks=pytest.mark.long),
        pytest.param("server hangs", marks=pytest.mark.long),
    ],
)
def test_a_search_continues_without_the_server_and_loses_no_metric(server, home, monkeypatch, what):
    folder = SearchFolder(home / "searches" / what.replace(" ", "-"))
    minute = what.endswith("for a minute")
    length = ("--epochs", "200") if minute else ()
    environment = {**server.environment("ben"), "CELLBENCH_HOME": str(home)}
    search = start(environment, *OPTIONS, *length, "--name", folder.name)
    back = threading.Thread(target=server.serve, args=("start",))
    try:
        before = wait_for_epochs(folder, 3)
        if what == "database dies":
            server.kill_database()
        else:
            server.signal_mlflow(signal.SIGSTOP if what == "server hangs" else signal.SIGKILL)
        away_since = time.monotonic()
        wait_for_epochs(folder, before + 5)  # it continues, and has epochs to write later
        if minute:
            time.sleep(max(0.0, away_since + 60 - time.monotonic()))
        if what == "server hangs":
            server.signal_mlflow(signal.SIGCONT)
        else:
            back.start()
        output, errors = search.communicate(timeout=900)
    finally:
        if back.ident is not None:
            back.join()
        if search.poll() is None:
            os.killpg(search.pid, signal.SIGKILL)
    assert search.returncode == 0, output + errors
    assert "Traceback" not in output + errors
    check_nothing_is_lost(server, folder, monkeypatch)
    check_no_secret_was_written(server, folder, output + errors)


@pytest.mark.long
def test_what_a_stopped_search_could_not_write_is_written_when_it_is_resumed(server, home, monkeypatch):
    folder = SearchFolder(home / "searches" / "owed")
    environment = {**server.environment("ben"), "CELLBENCH_HOME": str(home)}
    search = start(environment, *OPTIONS, "--name", "owed")
    before = wait_for_epochs(folder, 3)
    server.kill_database()
    wait_for_epochs(folder, before + 5)
    search.send_signal(signal.SIGINT)
    output, errors = search.communicate(timeout=600)
    assert search.returncode == 130, output + errors
    server.serve("start")
    search = start(environment, "--resume", "owed")
    output, errors = search.communicate(timeout=900)
    assert search.returncode == 0, output + errors
    check_nothing_is_lost(server, folder, monkeypatch)
