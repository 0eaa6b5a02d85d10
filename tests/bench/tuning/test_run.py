"""Stages on a real Ray: the outcomes of trials that fail, die, or are interrupted."""

import os
import signal
import threading
import time

import psutil
import pytest

from bench.home.resources import Machine, Plan
from bench.reporting.progress import ProgressView
from bench.tuning.cluster import connect
from bench.tuning.config import OUTCOME, TrialSettings
from bench.tuning.run import StageContext, TimeBudget, run_stage
from bench.tuning.samplers import method_search
from bench.tuning.schedulers import MethodsAsha
from bench.tuning.searchers import JobSearcher, MethodsSearcher
from cellbench.trials.job import TrialJob

SETTINGS = TrialSettings(objective="f1", gpus=0.0, timeout_s=600, checkpoint_s=30)

SAME = ("train/loss", "val/l1", "probe/f1_macro", "probe/accuracy")


class Silent:
    """Replaces the tracker, and keeps the calls."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda record, *_: self.calls.append((name, record.key))


@pytest.fixture(scope="module")
def ray_of_one_cpu():
    """A trial at a time: each further worker takes ten seconds to import what it needs."""
    import ray

    connect(None, Machine(1, 0))
    yield
    ray.shutdown()


@pytest.fixture
def context(folder, jobs, ray_of_one_cpu):
    request = jobs.request
    request.write(folder)
    return StageContext(folder, Silent(), ProgressView(request.name, request.primary_objective, None), Plan(1, 1, 0.0))


def job_of(jobs, epochs=4, **changes):
    space = jobs.request.spaces[0]
    job = jobs.search(space.configuration(space.complete({"r_max": 14.0})))
    settings = job.settings.model_copy(update={"epochs": epochs})
    configuration = job.configuration.model_copy(update=changes)
    changed = job.model_copy(update={"settings": settings, "configuration": configuration})
    return changed.model_copy(update={"directory": job.directory.parent / changed.key})


def run(context, *todo):
    run_stage(context, "search", JobSearcher(todo, SETTINGS), len(todo))
    return {record.key: record for record in context.folder.records()}


def when(condition, action):
    """Do something in another thread once a condition holds."""

    def wait():
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if condition():
                return action()
            time.sleep(0.05)
        return None

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def kill_worker():
    for process in psutil.Process().children(recursive=True):
        if any("Trainable" in word for word in process.cmdline()):
            process.kill()
            return


@pytest.mark.slow
def test_a_failed_trial_does_not_affect_a_completed_one(context, jobs):
    good, wild = job_of(jobs), job_of(jobs, lr=1e30)
    records = run(context, wild, good)  # in one process, which is reused
    assert records[good.key].outcome == "completed"
    assert records[good.key].metrics["probe/f1_macro"] > 0
    assert records[wild.key].outcome == "failed"
    assert "loss is" in records[wild.key].reason
    assert [entry["epoch"] for entry in context.folder.trial(good.key).history()] == [1, 2, 3, 4]
    calls = context.tracker.calls
    assert [name for name, key in calls if key == good.key] == ["trial_started", *["epoch"] * 4, "trial_ended"]
    assert not (context.folder.directory / ".ray").exists()


@pytest.mark.slow
def test_a_trial_whose_worker_is_killed_resumes_from_its_checkpoint(context, jobs, tmp_path):
    job = job_of(jobs, epochs=30)
    whole = job.model_copy(update={"directory": tmp_path / "whole"})
    thread = when(lambda: len(context.folder.trial(job.key).history()) >= 4, kill_worker)
    record = run(context, job)[job.key]
    thread.join()
    assert record.outcome == "completed"
    lines = (context.folder.trial(job.key).directory / "history.jsonl").read_text().splitlines()
    assert 30 < len(lines) < 40, "a few epochs were trained twice, not all"
    assert [entry["epoch"] for entry in context.folder.trial(job.key).history()] == list(range(1, 31))
    import torch

    from cellbench.trials.run import TrialRun

    alone = TrialRun(TrialJob.model_validate(whole.model_dump()), torch.device("cpu"))
    while not alone.done:
        metrics = alone.step()
    assert {name: record.metrics[name] for name in SAME if name in record.metrics} == pytest.approx(
        {name: metrics[name] for name in SAME if name in record.metrics}, rel=1e-6
    )


@pytest.mark.slow
def test_a_stage_that_ctrl_c_stopped_can_be_resumed(context, jobs):
    before = signal.getsignal(signal.SIGINT)  # a job in the background may ignore it
    job = job_of(jobs, epochs=30)
    when(lambda: len(context.folder.trial(job.key).history()) >= 3, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run(context, job)
    (record,) = context.folder.records()
    assert record.outcome == "running", "it can be resumed"
    assert context.tracker.calls[-1] == ("interrupted", job.key)
    assert signal.getsignal(signal.SIGINT) is before, "the program's own handler is back"
    n_before = len(context.folder.trial(job.key).history())
    assert run(context, job)[job.key].outcome == "completed"
    lines = (context.folder.trial(job.key).directory / "history.jsonl").read_text().splitlines()
    assert len(lines) < 30 + n_before, "it resumed from the checkpoint of the rung"


@pytest.mark.slow
def test_asha_and_tpe_work_together_in_a_stage(context, jobs):
    request = jobs.request.model_copy(update={"n_trials": 6})
    space = request.spaces[0]
    searcher = MethodsSearcher({"mask_fixed": method_search(space, "tpe", 0, request.rungs, 6)}, 6, jobs, SETTINGS)
    run_stage(context, "search", searcher, 6, MethodsAsha(["mask_fixed"], 4, request.rungs, 2))
    records = context.folder.records()
    assert len(records) == 6
    assert {record.outcome for record in records} <= {"completed", "pruned"}
    for record in records:
        assert record.epoch == (4 if record.outcome == "completed" else 2)


def test_the_time_budget_leaves_time_for_what_follows(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("bench.tuning.run.time.monotonic", lambda: now[0])
    budget = TimeBudget(100, rounds_after=3, epochs=5)  # 15 epochs follow
    budget("a", {"time_this_iter_s": 2.0})
    now[0] = 95.0
    assert not budget.stop_all(), "no trial is complete yet"
    budget("a", {"time_this_iter_s": 2.0, OUTCOME: "completed"})
    now[0] = 69.0
    assert not budget.stop_all()
    now[0] = 71.0
    assert budget.stop_all()
