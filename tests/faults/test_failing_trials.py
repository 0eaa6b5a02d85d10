"""Trials that hang, run out of memory, or fill the disk: a failed trial does not fail the search."""

import json
import os
import shutil
import signal
import subprocess

import psutil
import pytest
from programs import SMALL, Home, wait_until

pytestmark = pytest.mark.slow


def workers(home):
    return [process for process in home.processes() if "Trainable" in " ".join(process.cmdline())]


def has_checkpoint(folder):
    return any(folder.glob("*/checkpoint/trainer.pt"))


def stopped_after_a_checkpoint(home, name, n_trials):
    """Kill a search once a trial has its checkpoint of epoch 6; the next one would be at epoch 18."""
    process = home.start(
        "--method", "vae", "--dataset", "discs", "--trials", n_trials, "--folds", "1", "--seeds", "1", "--no-oracle",
        "--profile", "gpu", "--epochs", "54", "--concurrent", "1", *SMALL, "--name", name,
    )  # fmt: skip
    assert wait_until(lambda: has_checkpoint(home.search(name) / "trials"), 600)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (checkpoint,) = home.search(name).glob("trials/*/checkpoint")
    return checkpoint


@pytest.mark.long
def test_a_trial_that_hangs_is_ended(home):
    name = "hung"
    checkpoint = stopped_after_a_checkpoint(home, name, 1)
    (checkpoint / "progress.json").unlink()
    os.mkfifo(checkpoint / "progress.json")  # reading it never returns, as on a lost file server
    _, errors = home.run("--resume", name, "--trial-timeout", "30s", expect=2)
    assert "the first failed: an epoch took longer than 30 s" in errors
    failed = home.records(name)[checkpoint.parent.name]
    assert failed["outcome"] == "failed"
    assert failed["reason"].startswith("an epoch took longer than 30 s; its traceback is in ")
    assert "restore" in (checkpoint.parent / "hung.txt").read_text()
    assert dict(home.runs(name))[failed["key"]].info.status == "FAILED"


@pytest.mark.long
def test_a_trial_that_is_too_large_for_the_memory_fails_alone(home):
    name = "too-large"
    latent = int(3 * psutil.virtual_memory().total / (4 * 64))  # three times the memory for one of its layers
    home.run(
        "--method", "vae", "--dataset", "discs", "--set", f"latent_dim=16,{latent}", "--set", "lr=0.001",
        "--set", "beta=0.002", "--sampler", "random", "--trials", "2", "--epochs", "2", "--folds", "1", "--seeds", "1",
        "--no-oracle", "--profile", "cpu", *SMALL, "--name", name,
    )  # fmt: skip
    records = home.records(name).values()
    (failed,) = [record for record in records if record["outcome"] == "failed"]
    assert "can't allocate memory" in failed["reason"]
    assert {record["outcome"] for record in records} == {"completed", "failed"}


@pytest.mark.long
def test_a_trial_whose_process_is_killed_repeatedly_fails_alone(home, options):
    name = "always-killed"
    process = home.start(*options, "--concurrent", "1", "--trials", "2", "--name", name)
    killed = 0
    while killed < 3:
        before = home.n_epochs(name)
        assert wait_until(lambda before=before: home.n_epochs(name) > before and workers(home))
        for worker in workers(home):
            worker.kill()
        killed += 1
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, output + errors
    reasons = [record["reason"] for record in home.records(name).values() if record["outcome"] == "failed"]
    assert reasons == ["its process died 3 times; --concurrent 1 leaves it more memory"]


@pytest.mark.long
def test_a_checkpoint_that_is_damaged_is_not_used(tmp_path, discs):
    home, name = Home(tmp_path, discs), "half-a-checkpoint"
    checkpoint = stopped_after_a_checkpoint(home, name, 1)
    trainer, history = checkpoint / "trainer.pt", checkpoint.with_name("history.jsonl")
    checkpoint.with_name("hung.txt").write_text("the traceback of an earlier hang, with a shorter --trial-timeout")
    trainer.write_bytes(trainer.read_bytes()[: trainer.stat().st_size // 2])
    n_before = len(history.read_text().splitlines())
    output, _ = home.run("--resume", name)
    assert f"resumes with epoch 1: its checkpoint {checkpoint} is damaged and is not used" in output.replace("\n", " ")
    epochs = [json.loads(line)["epoch"] for line in history.read_text().splitlines()[n_before:]]
    assert epochs == list(range(1, 55)), "it was trained from its first epoch"
    assert {record["outcome"] for record in home.records(name).values()} == {"completed"}


@pytest.mark.long
def test_a_full_disk_stops_the_search_and_keeps_the_checkpoint(tmp_path, discs):
    home, name = Home(tmp_path, discs), "full"
    trials = stopped_after_a_checkpoint(home, name, 1).parents[1]
    kept = tmp_path / "kept"
    shutil.copytree(trials, kept)
    checkpoint = next(kept.glob("*/checkpoint/trainer.pt"))
    size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file()) + checkpoint.stat().st_size // 2
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(trials)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        shutil.copytree(kept, trials, dirs_exist_ok=True)
        _, errors = home.run("--resume", name, expect=2)
        assert "cannot be written (No space left on device); free some space" in errors
        assert f"resume with: python -m bench.search --resume {name}" in errors
        (record,) = home.records(name).values()
        assert record["outcome"] == "running"
        (found,) = trials.glob("*/checkpoint/trainer.pt")
        assert found.read_bytes() == checkpoint.read_bytes(), "the earlier checkpoint is intact"
        assert [path.name for path in found.parents[1].iterdir() if "checkpoint" in path.name] == ["checkpoint"]
        assert "RUNNING" not in {run.info.status for _, run in home.runs(name)}
        shutil.rmtree(kept)
        shutil.copytree(trials, kept)
    finally:
        subprocess.run(["umount", "--lazy", str(trials)], check=True)
    shutil.rmtree(trials)
    shutil.copytree(kept, trials)
    home.run("--resume", name)
    assert {record["outcome"] for record in home.records(name).values()} == {"completed"}
    assert {run.info.status for _, run in home.runs(name)} == {"FINISHED"}
