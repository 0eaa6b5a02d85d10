"""A search on nodes with their own addresses: where trials run, and what the loss of a node costs."""

import json
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

import pytest
from namespaces import Cluster, why_not

from bench.record.trial import TrialRecord

# tests/bench/tuning/test_run.py and tests/faults/test_damaged_state.py kill trials and searches on one node.
pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
OPTIONS = (
    "--method", "mask_fixed", "--dataset", "discs", "--sampler", "random", "--scheduler", "none", "--trials", "2",
    "--epochs", "40", "--checkpoint-every", "1s", "--folds", "1", "--seeds", "1", "--no-oracle", "--size", "16",
    "--encoder", "test_resnet", "--batch-size", "16", "--cpus-per-trial", "1", "--no-compile",
)  # fmt: skip
"""Trials are not compared with each other, so where and when each runs must not change a number."""


@pytest.fixture(scope="module", autouse=True)
def _namespaces():
    if (reason := why_not()) is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def home(tmp_path_factory, discs):
    """The folder that all nodes share, with the data set `discs`."""
    home = tmp_path_factory.mktemp("shared")
    shutil.copytree(discs.path, home / "datasets" / "discs")
    return home


@pytest.fixture(scope="module")
def environment(home):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_", "CELLBENCH_"))}
    return {
        **kept,
        "CELLBENCH_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        # How soon the head notices a silent node, as docs/scale.md advises.
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "5000",
        "RAY_health_check_failure_threshold": "3",
    }


@pytest.fixture
def cluster(environment):
    with Cluster(environment) as cluster:
        yield cluster


def search(cluster, *arguments):
    return sys.executable, "-m", "bench.search", *OPTIONS, "--address", cluster.address, *arguments


def records(home, name):
    paths = sorted((home / "searches" / name / "trials").glob("*/trial.json"))
    return [TrialRecord.model_validate_json(path.read_text()) for path in paths]


def numbers(found):
    """Return all metrics of all trials except times."""
    return {
        record.key: {name: value for name, value in record.metrics.items() if not name.startswith(("cost/", "speed/"))}
        for record in found
    }


def until(condition, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := condition()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"the condition did not hold within {seconds} s")


def alone(home, record):
    """Return the numbers of a trial that is trained in this process, undisturbed."""
    import torch
    import yaml

    from cellbench.trials.job import TrialJob
    from cellbench.trials.run import TrialRun

    directory = home / "searches" / "disturbed" / "trials" / record.key
    job = TrialJob.model_validate(yaml.safe_load((directory / "configuration.yaml").read_text()))
    trial = TrialRun(job, torch.device("cpu"))
    while not trial.done:
        metrics = trial.step()
    del metrics["epoch"]  # a record has it beside its metrics
    return numbers([record.model_copy(update={"metrics": metrics})])[record.key]


def test_trials_of_a_killed_node_resume_elsewhere_and_reach_the_numbers_of_an_undisturbed_training(
    cluster, home, monkeypatch
):
    for _ in range(2):
        cluster.add(cpus=1)
    process = cluster.start(*search(cluster, "--name", "disturbed"))

    def saved_off_the_head():
        for record in records(home, "disturbed"):
            checkpoint = home / "searches" / "disturbed" / "trials" / record.key / "checkpoint"
            if record.nodes and record.nodes[-1] != cluster.head.address and checkpoint.is_dir():
                return record
        return None

    victim = until(saved_off_the_head)
    history = home / "searches" / "disturbed" / "trials" / victim.key / "history.jsonl"
    n_before = len(history.read_text().splitlines())
    next(node for node in cluster.nodes if node.address == victim.nodes[-1]).kill()
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, output + errors

    disturbed = records(home, "disturbed")
    assert {node for record in disturbed for node in record.nodes} == {node.address for node in cluster.nodes}
    moved = next(record for record in disturbed if record.key == victim.key)
    assert moved.nodes == [victim.nodes[-1], cluster.head.address]
    assert f"training {moved.number + 1} resumes at {moved.nodes[1]}" in output
    epochs = [json.loads(line)["epoch"] for line in history.read_text().splitlines()]
    assert epochs[n_before:][0] > 1, "it resumed from its checkpoint"
    assert epochs[-1] == 40
    assert {record.outcome for record in disturbed} == {"completed"}
    assert len(disturbed) == 2 + 1, "two trials of the search, and the winner on a fresh seed"
    assert numbers(disturbed) == {record.key: alone(home, record) for record in disturbed}
    from bench.tracking.client import connect

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home}/mlflow.db")
    client = connect()
    found = client.search_runs(["1"], "tags.`cellbench.search` = 'disturbed'")
    runs = [run for run in found if not run.data.tags.get("cellbench.trial", "").startswith("floor ")]
    assert {run.info.status for run in runs} == {"FINISHED"}
    tags = {run.data.tags.get("cellbench.trial"): run.data.tags.get("cellbench.node") for run in runs}
    assert len(runs) == len(tags) == len(disturbed) + 1, "no run exists twice"
    assert tags[victim.key] == ", ".join(moved.nodes)


def test_a_node_without_the_shared_folder_is_named_before_any_trial_starts(cluster, home):
    cluster.add(cpus=1)
    blind = cluster.add(cpus=1, before=f"mount -t tmpfs none {home}")
    _, errors = cluster.run(*search(cluster, "--name", "blind"), expect=2)
    assert f"The cluster's node {blind.address} does not see {home}/searches/blind" in errors
    assert "set CELLBENCH_HOME to a folder that all nodes share" in errors
    assert "Traceback" not in errors
    assert not (home / "searches" / "blind").exists(), "the folder is removed"


def test_each_node_makes_its_own_copy_of_the_patches_once(cluster, home, environment):
    """`CELLBENCH_CACHE` is a local disk of each node: here a disk in memory that no other node sees."""
    local = cluster.folder / "scratch"
    for _ in range(2):
        cluster.add(cpus=2, before=f"mkdir -p {local} && mount -t tmpfs none {local}")
    cluster.environment = {**environment, "CELLBENCH_CACHE": str(local)}
    shutil.rmtree(home / "cache", ignore_errors=True)
    cluster.run(*search(cluster, "--name", "local", "--trials", "8", "--epochs", "4", "--concurrent", "4"))
    found = records(home, "local")
    assert not (home / "cache").exists(), "the shared folder has no copy"
    for node in cluster.nodes:
        own = [record for record in found if record.nodes == [node.address]]
        assert len(own) >= 2
        copies = list(node.inside(local).glob("*.npy"))
        assert len(copies) == 1
        assert not list(node.inside(local).glob(".*.tmp"))
        made = copies[0].stat().st_mtime
        assert made < sorted(record.ended for record in own)[0], "it was made once, before the first trial had ended"


WHERE = """
import sys
from bench.home.resources import plan
from bench.tuning.cluster import connect
machine = connect(sys.argv[1])
print(machine.cpus, machine.gpus, sorted(machine.nodes), plan(machine, gpus_per_trial=0.25))
import ray
@ray.remote(num_cpus=1, num_gpus=0.25)
class Trial:
    def where(self):
        return ray.util.get_node_ip_address()
trials = [Trial.remote() for _ in range(5)]
begun, waiting = ray.wait([trial.where.remote() for trial in trials], num_returns=5, timeout=60)
print(len(begun), len(waiting), *sorted(set(ray.get(begun))))
"""


def test_only_gpus_on_nodes_with_free_cpus_are_counted(cluster):
    """Ray accepts any number of GPUs that it is given; no GPU is used here."""
    cluster.add(cpus=3)
    with_gpus = cluster.add(cpus=4, gpus=2)
    output, _ = cluster.run(sys.executable, "-c", WHERE, cluster.address)
    assert output.splitlines()[-2:] == [
        "7 2 [(3, 0), (4, 2)] Plan(concurrent=4, cpus=1, gpus=0.25)",
        f"4 1 {with_gpus.address}",
    ]


def test_a_search_with_another_token_is_refused(cluster, environment):
    cluster.add(cpus=1)
    cluster.environment = {**environment, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    _, errors = cluster.run(*search(cluster, "--name", "stranger"), expect=2)
    assert errors.count("\n") == 1
    assert f"The Ray cluster at {cluster.address} does not accept this token" in errors


def test_a_machine_that_is_not_a_node_of_the_cluster_is_named(cluster):
    cluster.add(cpus=1)
    alone = ["sh", "-c", f'mount -t tmpfs none {cluster.folder} && exec "$@"', "sh"]  # it lacks the sockets of the head
    _, errors = cluster.run(*alone, *search(cluster, "--name", "outside"), on=cluster.machine(), expect=2)
    assert errors.count("\n") == 1
    assert f"This machine is not a node of the Ray cluster at {cluster.address}" in errors
