"""A trial as Ray Tune sees it, without Ray."""

import json
import os
import subprocess
import sys

import pytest
import torch

from bench.record.trial import TrialFolder
from bench.tuning.config import OBJECTIVE, OUTCOME, REASON, REMARK, TrialConfig, TrialSettings
from bench.tuning.trainable import TrialTrainable
from cellbench.trials.job import TrialJob

SETTINGS = TrialSettings(objective="f1", gpus=0.0, timeout_s=600, checkpoint_s=30)

SAME = ("train/loss", "train/reconstruction", "train/kl", "val/l1", "rung/f1_macro", "probe/f1_macro", "probe/f1/large")


@pytest.fixture
def job(jobs):
    space = jobs.request.spaces[0]
    return jobs.search(space.configuration(space.complete({"r_max": 14.0})))


def trainable(job, settings=SETTINGS):
    found = TrialTrainable.__new__(TrialTrainable)
    found.setup(config(job, settings))
    return found


def config(job, settings=SETTINGS):
    return {"trial": TrialConfig(job=job.model_dump(mode="json"), number=0, settings=settings).model_dump()}


def run(found, n=99):
    reports = []
    for _ in range(n):
        reports.append(found.step())
        if reports[-1]["done"]:
            break
    return reports


def same(reports):
    return [{name: report[name] for name in SAME if name in report} for report in reports]


def test_each_report_has_a_finite_objective_and_the_last_one_the_scores(job):
    reports = run(trainable(job))
    assert [report["training_iteration"] for report in reports] == [1, 2, 3, 4]
    assert [report["done"] for report in reports] == [False, False, False, True]
    assert [report[OBJECTIVE] for report in reports[:2]] == [0.0, reports[1]["rung/f1_macro"]], "the rung is epoch 2"
    assert reports[-1][OUTCOME] == "completed"
    assert reports[-1][OBJECTIVE] == reports[-1]["probe/f1_macro"]
    assert (job.directory / "result.json").exists()
    assert TrialFolder(job.directory).checkpoints() == []


def test_a_finished_trial_is_not_trained_again(job, monkeypatch):
    last = run(trainable(job))[-1]
    monkeypatch.setattr("cellbench.trials.run.TrialRun.step", lambda self: pytest.fail("trained again"))
    (report,) = run(trainable(job))
    assert report["done"]
    assert report["training_iteration"] == 4
    assert same([report]) == same([last])


def test_a_resumed_trial_reaches_the_numbers_of_an_undisturbed_one(job, tmp_path):
    whole = run(trainable(job))
    moved = TrialJob.model_validate({**job.model_dump(), "directory": tmp_path / "again"})
    first = run(trainable(moved), 2)
    assert (moved.directory / "checkpoint" / "trainer.pt").exists(), "the rung at epoch 2 was saved"
    rest = run(trainable(moved))
    assert [report["training_iteration"] for report in rest] == [3, 4]
    assert same(first + rest) == same(whole)


def test_a_process_is_reused_for_the_next_trial(job, jobs):
    found = trainable(job)
    run(found, 1)
    space = jobs.request.spaces[0]
    other = jobs.search(space.configuration(space.complete({"r_max": 10.0})))
    assert found.reset_config(config(other))
    reports = run(found)
    assert reports[0]["training_iteration"] == 1
    assert same(reports) == same(
        run(trainable(TrialJob.model_validate({**other.model_dump(), "directory": job.directory / "b"})))
    )


@pytest.mark.parametrize("file", ["trainer.pt", "progress.json"])
def test_a_trial_with_a_damaged_checkpoint_starts_from_its_first_epoch(job, file):
    run(trainable(job), 2)
    (job.directory / "checkpoint" / file).write_bytes(b"half")
    reports = run(trainable(job))
    assert [report["training_iteration"] for report in reports] == [1, 2, 3, 4]
    assert "checkpoint is damaged and is not used" in reports[0][REMARK]
    assert all(REMARK not in report for report in reports[1:])


def test_the_older_checkpoint_is_used_if_the_newer_one_is_missing(job):
    run(trainable(job), 2)
    (job.directory / "checkpoint").rename(job.directory / "checkpoint.old")
    assert run(trainable(job), 1)[0]["training_iteration"] == 3


def test_long_epochs_are_saved_between_rungs(job):
    run(trainable(job, SETTINGS.model_copy(update={"checkpoint_s": 1e-6})), 1)
    assert (job.directory / "checkpoint" / "trainer.pt").exists()


def test_a_loss_that_is_not_finite_is_a_failed_trial_with_its_reason(job):
    wild = job.configuration.model_copy(update={"lr": 1e30})
    reports = run(trainable(job.model_copy(update={"configuration": wild})))
    assert reports[-1][OUTCOME] == "failed"
    assert reports[-1]["done"]
    assert reports[-1][OBJECTIVE] == 0.0
    assert "loss is" in reports[-1][REASON]
    assert not (job.directory / "result.json").exists()


def test_an_unexpected_error_is_a_failed_trial_with_its_traceback(job, monkeypatch):
    monkeypatch.setattr("cellbench.trials.run.TrialRun.step", lambda self: torch.zeros(2) @ torch.zeros(3))
    report = trainable(job).step()
    assert report[OUTCOME] == "failed"
    assert report[REASON].startswith("RuntimeError: ")
    assert "Traceback" in (job.directory / "error.txt").read_text()


def test_a_report_can_be_written_as_json_and_has_no_nan(job):
    for report in run(trainable(job)):
        json.dumps(report, allow_nan=False)


def test_an_epoch_that_hangs_ends_its_process_and_fails_the_trial_at_the_next_start(job):
    run(trainable(job), 2)
    progress = job.directory / "checkpoint" / "progress.json"
    progress.unlink()
    os.mkfifo(progress)  # reading it never returns, as on a lost file server
    settings = SETTINGS.model_copy(update={"timeout_s": 20})
    program = (
        "import json, sys; from bench.tuning.trainable import TrialTrainable;"
        "trial = TrialTrainable.__new__(TrialTrainable); trial.setup(json.load(sys.stdin)); trial.step()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(config(job, settings), default=str), text=True, timeout=300
    )
    assert done.returncode == 1
    assert "restore" in (job.directory / "hung.txt").read_text()
    report = trainable(job, settings).step()
    assert report[OUTCOME] == "failed"
    assert report[REASON].startswith("an epoch took longer than 20 s; its traceback is in ")
