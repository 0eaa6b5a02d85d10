"""How a machine is divided among trials."""

import os
import subprocess
import sys

import pytest

from bench.home.resources import Machine, Plan, plan
from bench.terminal.parsing import seconds
from bench.tuning import ENVIRONMENT
from bench.tuning.cluster import connect, each_remotely, remotely
from cellbench.errors import SettingError, StoreError

LAPTOP, SERVER = Machine(2, 0), Machine(16, 2)


@pytest.mark.parametrize(
    ("machine", "asked", "expected"),
    [
        (LAPTOP, {}, Plan(2, 1, 0.0)),
        (Machine(1, 0), {}, Plan(1, 1, 0.0)),
        (Machine(16, 0), {}, Plan(4, 1, 0.0)),
        (Machine(16, 0), {"concurrent": 1}, Plan(1, 1, 0.0)),  # threads change numbers
        (Machine(16, 0), {"concurrent": 16}, Plan(16, 1, 0.0)),
        (Machine(16, 0), {"cpus_per_trial": 8}, Plan(2, 8, 0.0)),
        (Machine(8, 0, memory_bytes=2 * 2**30), {}, Plan(1, 1, 0.0)),
        (SERVER, {}, Plan(8, 2, 0.25)),
        (SERVER, {"gpus_per_trial": 1}, Plan(2, 8, 1.0)),
        (SERVER, {"gpus_per_trial": 0.5}, Plan(4, 4, 0.5)),
        (SERVER, {"gpus_per_trial": 2}, Plan(1, 16, 2.0)),
        (SERVER, {"concurrent": 2}, Plan(2, 8, 1.0)),
        (SERVER, {"gpus_per_trial": 0}, Plan(8, 1, 0.0)),
        (Machine(2, 1), {}, Plan(2, 1, 0.5)),
    ],
)
def test_auto_fills_the_machine_and_no_more(machine, asked, expected):
    found = plan(machine, **asked)
    assert found.concurrent == expected.concurrent
    assert found.cpus == expected.cpus
    assert found.gpus == pytest.approx(expected.gpus, abs=1e-3)
    assert found.concurrent * found.cpus <= machine.cpus
    assert found.concurrent * found.gpus <= max(machine.gpus, 0)


@pytest.mark.parametrize(
    ("machine", "asked", "message"),
    [
        (LAPTOP, {"gpus_per_trial": 0.25}, r"--gpus-per-trial 0\.25 cannot be met: there are 2 CPUs and no GPUs"),
        (SERVER, {"gpus_per_trial": 3}, "--gpus-per-trial 3 cannot be met: there are 16 CPUs and 2 GPUs"),
        (SERVER, {"gpus_per_trial": 1.5}, "must be a share of one GPU, or a whole number"),
        (SERVER, {"gpus_per_trial": -1}, "must be a share of one GPU, or a whole number"),
        (LAPTOP, {"cpus_per_trial": 3}, "--cpus-per-trial 3 cannot be met"),
        (LAPTOP, {"concurrent": 3}, "--concurrent must be at most 2: .*; got 3"),
        (LAPTOP, {"concurrent": 2, "cpus_per_trial": 2}, "--concurrent must be at most 1: a trial has 2 CPU"),
        (SERVER, {"concurrent": 9, "gpus_per_trial": 0.25}, "--concurrent must be at most 8: "),
        (LAPTOP, {"concurrent": 0}, "--concurrent must be at least 1; got 0"),
    ],
)
def test_resources_that_the_machine_lacks_are_refused(machine, asked, message):
    with pytest.raises(SettingError, match=message):
        plan(machine, **asked)


def nodes(*each):
    """Return a cluster of nodes, each with its numbers of CPUs and GPUs."""
    return Machine(sum(cpus for cpus, _ in each), sum(gpus for _, gpus in each), nodes=each)


@pytest.mark.parametrize(
    ("machine", "asked", "expected"),
    [
        (nodes((3, 0), (3, 0)), {"cpus_per_trial": 2}, Plan(2, 2, 0.0)),  # 6 // 2 would be a third trial
        (nodes((2, 0), (2, 0), (2, 0)), {}, Plan(6, 1, 0.0)),
        (nodes((0, 0), (16, 0), (16, 0)), {}, Plan(8, 1, 0.0)),  # a head that trains nothing
        (nodes((4, 0), (64, 0)), {"concurrent": 5}, Plan(5, 1, 0.0)),
        (nodes((4, 0), (64, 0)), {"concurrent": 2}, Plan(2, 1, 0.0)),
        (nodes(*[(64, 8)] * 4), {}, Plan(128, 2, 0.25)),
        (nodes(*[(64, 8)] * 4), {"gpus_per_trial": 0.25}, Plan(128, 2, 0.25)),
        (nodes(*[(16, 8)] * 4), {}, Plan(64, 1, 0.5)),
        (nodes(*[(64, 8)] * 4), {"gpus_per_trial": 1}, Plan(32, 8, 1.0)),
        (nodes(*[(64, 8)] * 4), {"gpus_per_trial": 3}, Plan(8, 32, 3.0)),  # 2 GPUs of each node stay free
        (nodes((8, 0), *[(64, 8)] * 4), {"gpus_per_trial": 0.25}, Plan(128, 2, 0.25)),
        (nodes((64, 0), (4, 2)), {}, Plan(4, 1, 0.5)),  # CPUs of a node without GPUs are of no use
        (nodes((2, 8), (32, 1)), {"gpus_per_trial": 1}, Plan(3, 1, 1.0)),  # six GPUs lack a CPU beside them
        (nodes((64, 0), (4, 2)), {"gpus_per_trial": 0}, Plan(8, 1, 0.0)),
    ],
)
def test_a_cluster_is_divided_node_by_node(machine, asked, expected):
    found = plan(machine, **asked)
    assert (found.concurrent, found.cpus) == (expected.concurrent, expected.cpus)
    assert found.gpus == pytest.approx(expected.gpus, abs=1e-3)
    assert machine.fit(found.cpus, found.gpus) >= found.concurrent


@pytest.mark.parametrize(
    ("machine", "asked", "message"),
    [
        (nodes((2, 0), (2, 0)), {"cpus_per_trial": 3}, "on 2 nodes; no node has more than 2 CPUs and no GPUs"),
        (nodes((2, 0), (2, 0)), {"concurrent": 3, "cpus_per_trial": 2}, "--concurrent must be at most 2: "),
        (
            nodes((8, 2), (8, 2)),
            {"gpus_per_trial": 4},
            "--gpus-per-trial 4 cannot be met: .* more than 8 CPUs and 2 GPU",
        ),
        (nodes((8, 0), (2, 2)), {"cpus_per_trial": 4, "gpus_per_trial": 1}, "No node has 4 CPU and 1 GPU for a trial"),
        (nodes((0, 1), (8, 0)), {}, "No node has 1 CPU and 1 GPU for a trial"),
    ],
)
def test_resources_that_no_single_node_has_are_refused(machine, asked, message):
    with pytest.raises(SettingError, match=message):
        plan(machine, **asked)


@pytest.mark.parametrize(
    ("address", "message"),
    [("127.0.0.1:1", "No Ray cluster answers at 127.0.0.1:1"), ("nonsense", "neither `auto` nor HOST:PORT")],
)
def test_an_address_without_a_cluster_is_an_error_within_seconds(address, message):
    with pytest.raises(SettingError, match=message):
        connect(address)


def test_ray_requires_a_token_and_sends_no_statistics():
    for name, value in {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}.items():
        assert ENVIRONMENT[name] == os.environ[name] == value


@pytest.mark.long  # it starts eight processes
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_four_halves_of_two_gpus_run_at_once():
    """Ray accepts any number of GPUs that it is given; no GPU is used here."""
    import time

    import ray

    try:
        machine = connect(None, Machine(4, 2))
        assert (machine.cpus, machine.gpus) == (4, 2)
        shares = plan(machine, gpus_per_trial=0.5)
        assert (shares.concurrent, shares.cpus, shares.gpus) == (4, 1, 0.5)

        @ray.remote(num_cpus=shares.cpus, num_gpus=shares.gpus)
        class Trial:
            def begin(self) -> tuple[float, list[str]]:
                return time.time(), ray.get_runtime_context().get_accelerator_ids()["GPU"]

        trials = [Trial.remote() for _ in range(5)]
        begun, waiting = ray.wait([trial.begin.remote() for trial in trials], num_returns=5, timeout=90)
        assert (len(begun), len(waiting)) == (4, 1), "a fifth does not fit"
        gpus = sorted(gpu for _, (gpu,) in ray.get(begun))
        assert gpus == ["0"] * 2 + ["1"] * 2
        del trials
        assert remotely(seconds, "1h30m", cpus=1, gpus=0.0) == 5400
        with pytest.raises(ValueError, match="must be a duration"):
            remotely(seconds, "soon", cpus=1, gpus=0.0)
        assert each_remotely(seconds, [("2s",), ("1m",)], cpus=1, gpus=0.0) == [2, 60], "in the order of the calls"
        with pytest.raises(ValueError, match="must be a duration"):
            each_remotely(seconds, [("2s",), ("soon",)], cpus=1, gpus=0.0)
    finally:
        ray.shutdown()


def test_the_environment_cannot_turn_off_the_token():
    command = [sys.executable, "-c", "import bench.tuning, os; print(os.environ['RAY_AUTH_MODE'])"]
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout == "token\n"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError("validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes: /t/x"), "too long"),
        (OSError(28, "No space left on device", "/tmp/ray"), "Free some space in /short"),
        (PermissionError(13, "Permission denied", "/short/ray"), "folder /short must exist and be writable"),
        (FileNotFoundError(2, "No such file or directory", "/short"), "folder /short must exist and be writable"),
        (OSError(98, "Address already in use"), "Another program uses a port"),
        (OSError(24, "Too many open files"), "ulimit -n 65536"),
        (RuntimeError("can't start new thread"), "Try again when it is less busy"),
        (Exception("The current node timed out during startup. This could happen"), "Try again when it is less busy"),
        (ValueError("something else"), r"Ray's logs are in /short/ray/session_latest/logs"),
    ],
)
def test_a_failed_start_of_ray_names_its_cause_and_its_way_out(monkeypatch, error, advice):
    def fails(**options):
        raise error

    monkeypatch.setenv("RAY_TMPDIR", "/short")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "token")
    monkeypatch.setattr("ray.init", fails)
    with pytest.raises(StoreError, match=advice) as caught:
        connect(None)
    assert ("less busy" in str(caught.value)) == ("less busy" in advice)


def test_a_token_that_cannot_be_written_names_home(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"file/\.ray/auth_token, .* \(Not a directory\); set HOME to a folder"):
        connect(None)


@pytest.mark.parametrize("address", ["a..b:80", f"{'a' * 64}.de:80", "host:99999", f"host:{'9' * 5000}"])
def test_an_address_that_cannot_be_looked_up_is_one_sentence(address):
    with pytest.raises(SettingError, match=r"No Ray cluster answers|neither `auto` nor HOST:PORT"):
        connect(address)
