"""Trials that hang, run out of memory, or find the disk full: one of them is not the search."""

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


def test_a_trial_that_hangs_is_ended(home, options):
    name = "hung"
    process = home.start(*options, "--trial-timeout", "20s", "--name", name)
    assert wait_until(lambda: home.n_epochs(name) >= 3)
    hung = workers(home)[0]
    os.kill(hung.pid, signal.SIGSTOP)  # for longer than an epoch may take; then its clock strikes
    subprocess.Popen(["sh", "-c", f"sleep 25; kill -CONT {hung.pid}"])
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    outcomes = sorted(record["outcome"] for record in home.records(name).values())
    assert outcomes == ["completed", "completed", "completed", "failed"]
    (failed,) = [record for record in home.records(name).values() if record["outcome"] == "failed"]
    assert failed["reason"].startswith("an epoch took longer than 20 s; where it hung is in ")
    assert "File" in (home.search(name) / "trials" / failed["key"] / "hung.txt").read_text()
    assert dict(home.runs(name))[failed["key"]].info.status == "FAILED"


def test_a_trial_that_is_too_large_for_the_memory_fails_alone(home):
    name = "too-large"
    latent = int(3 * psutil.virtual_memory().total / (4 * 64))  # three times the memory for one of its layers
    home.run(
        "--method", "vae", "--dataset", "discs", "--set", f"latent_dim=16,{latent}", "--sampler", "grid", "--epochs",
        "2", "--folds", "1", "--seeds", "1", "--no-oracle", *SMALL, "--name", name,
    )  # fmt: skip
    records = home.records(name).values()
    failed = [record for record in records if record["outcome"] == "failed"]
    assert failed
    assert "alloc" in failed[0]["reason"] or "memory" in failed[0]["reason"]
    assert {record["outcome"] for record in records} == {"completed", "failed"}


def test_a_trial_whose_process_is_killed_again_and_again_fails_alone(home, options):
    name = "always-killed"
    process = home.start(*options, "--concurrent", "1", "--trials", "2", "--name", name)
    killed = 0
    while killed < 3:
        before = home.n_epochs(name)
        assert wait_until(lambda before=before: home.n_epochs(name) > before and workers(home))
        for worker in workers(home):
            worker.kill()
        killed += 1
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    reasons = [record["reason"] for record in home.records(name).values() if record["outcome"] == "failed"]
    assert reasons == ["its process died 3 times; --concurrent 1 leaves it more memory"]


def has_checkpoint(folder):
    return any(folder.glob("*/checkpoint/trainer.pt"))


def test_a_full_disk_stops_the_search_and_keeps_the_checkpoint(tmp_path, discs):
    home, name = Home(tmp_path, discs), "full"
    trials = home.search(name) / "trials"
    process = home.start(
        "--method", "vae", "--dataset", "discs", "--trials", "1", "--folds", "1", "--seeds", "1", "--no-oracle",
        "--profile", "gpu", "--epochs", "54", *SMALL, "--name", name,
    )  # fmt: skip
    assert wait_until(lambda: has_checkpoint(trials)), "at epoch 6; the next one is at 18"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
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
        assert f"go on with: python -m bench.search --resume {name}" in errors
        (record,) = home.records(name).values()
        assert record["outcome"] == "running"
        (found,) = trials.glob("*/checkpoint/trainer.pt")
        assert found.read_bytes() == checkpoint.read_bytes(), "the earlier checkpoint is whole"
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
