"""ASHA: which trials are stopped at a rung."""

from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.result import TRAINING_ITERATION
from ray.tune.schedulers import TrialScheduler

from bench.record.jobs import record_of
from bench.tuning.config import OBJECTIVE, TrialConfig, TrialSettings
from bench.tuning.schedulers import MethodsAsha

TERMS = TrialSettings(objective="f1", gpus=0.0, timeout_s=600, checkpoint_s=30)

STOP, CONTINUE = TrialScheduler.STOP, TrialScheduler.CONTINUE


@pytest.fixture
def new_trial(jobs):
    def make(trial_id, method="mask_fixed"):
        space = jobs.request.spaces[0]
        job = jobs.search(space.configuration(space.complete({}))).model_dump(mode="json")
        job["configuration"]["method"] = method
        config = TrialConfig(job=job, number=0, settings=TERMS)
        return SimpleNamespace(trial_id=trial_id, config={"trial": config.model_dump()})

    return make


def report(asha, trial, epoch, objective, **more):
    return asha.on_trial_result(None, trial, {TRAINING_ITERATION: epoch, OBJECTIVE: objective, **more})


def asha(methods=("mask_fixed",), keep=1):
    return MethodsAsha(methods, epochs=9, rungs=(3,), reduction=2, keep=keep)


def test_the_worse_half_is_stopped_at_a_rung_and_nowhere_else(new_trial):
    scheduler = asha()
    for name, objective, expected in (("a", 0.5, CONTINUE), ("b", 0.4, STOP), ("c", 0.6, CONTINUE)):
        trial = new_trial(name)
        scheduler.on_trial_add(None, trial)
        assert report(scheduler, trial, 1, 0.0) == CONTINUE
        assert report(scheduler, trial, 2, 0.0) == CONTINUE
        assert report(scheduler, trial, 3, objective) == expected


@pytest.mark.parametrize(
    ("keep", "expected"), [(1, [CONTINUE, STOP, STOP, CONTINUE]), (2, [CONTINUE, CONTINUE, STOP, CONTINUE])]
)
def test_as_many_trials_continue_as_there_will_be_finalists(new_trial, keep, expected):
    scheduler = asha(keep=keep)
    found = []
    for name, objective in (("a", 0.64), ("b", 0.63), ("c", 0.51), ("d", 0.65)):
        trial = new_trial(name)
        scheduler.on_trial_add(None, trial)
        found.append(report(scheduler, trial, 3, objective))
    assert found == expected


def test_trials_of_an_earlier_run_count_among_those_that_are_kept(new_trial, jobs):
    space = jobs.request.spaces[0]
    records = [record_of(jobs.search(space.configuration(space.complete({"r_max": float(r)}))), r) for r in (8, 10)]
    scheduler = asha(keep=2)
    scheduler.restore(records, {records[0].key: {3: 0.8}, records[1].key: {3: 0.7}})
    trial = new_trial("c")
    scheduler.on_trial_add(None, trial)
    assert report(scheduler, trial, 3, 0.6) == STOP


def test_methods_are_not_compared_with_each_other(new_trial):
    scheduler = asha(("mask_fixed", "vae"))
    good, bad = new_trial("a"), new_trial("b", "vae")
    for trial, objective in ((good, 0.9), (bad, 0.1)):
        scheduler.on_trial_add(None, trial)
        assert report(scheduler, trial, 3, objective) == CONTINUE


def test_the_last_report_of_a_trial_that_failed_is_not_compared(new_trial):
    scheduler = asha()
    failed, next_one = new_trial("a"), new_trial("b")
    scheduler.on_trial_add(None, failed)
    assert report(scheduler, failed, 3, 0.0, done=True) == CONTINUE
    scheduler.on_trial_add(None, next_one)
    assert report(scheduler, next_one, 3, 0.0001) == CONTINUE


def test_rungs_of_an_earlier_run_count(new_trial, jobs):
    space = jobs.request.spaces[0]
    records = [record_of(jobs.search(space.configuration(space.complete({"r_max": float(r)}))), r) for r in (8, 10)]
    scheduler = asha()
    scheduler.restore(records, {records[0].key: {1: 0.0, 3: 0.8}, records[1].key: {1: 0.0}})
    trial = new_trial("c")
    scheduler.on_trial_add(None, trial)
    assert report(scheduler, trial, 3, 0.7) == STOP


def test_a_trial_whose_process_died_can_be_added_again(new_trial):
    scheduler = asha()
    trial = new_trial("a")
    scheduler.on_trial_add(None, trial)
    scheduler.on_trial_error(None, trial)
    scheduler.on_trial_add(None, trial)
    assert report(scheduler, trial, 3, 0.5) == CONTINUE
    scheduler.on_trial_complete(None, trial, {})


def simulated_scores(seed, n, epochs):
    """Return learning curves of shape (n, epochs) that rise to different heights, with the noise of one score."""
    rng = np.random.default_rng(seed)
    final = 0.65 - np.abs(rng.normal(0, 0.05, n))
    speed, start = rng.uniform(0.3, 1.2, n), rng.uniform(0.25, 0.45, n)
    epoch = np.arange(1, epochs + 1)
    left = start[:, None] * (epoch ** -speed[:, None] - epochs ** -speed[:, None])
    return final[:, None] - left + rng.normal(0, 0.01, (n, epochs))


def n_completed_with_optuna(scores, rung):
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=rung, reduction_factor=3)
    study, n_completed = optuna.create_study(direction="maximize", pruner=pruner), 0
    for score in scores:
        trial = study.ask()
        trial.report(score[rung - 1], rung)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, score[-1])
            n_completed += 1
    return n_completed


def n_completed_with_asha(scores, rung, new_trial, keep):
    scheduler, n_completed = MethodsAsha(["mask_fixed"], scores.shape[1], (rung,), 3, keep), 0
    for number, score in enumerate(scores):
        trial = new_trial(str(number))
        scheduler.on_trial_add(None, trial)
        n_completed += report(scheduler, trial, rung, score[rung - 1]) == CONTINUE
    return n_completed


def test_two_finalists_reach_the_end_of_each_search_unlike_with_the_pruner_of_optuna(new_trial):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searches = [simulated_scores(seed, 6, 9) for seed in range(40)]
    assert all(n_completed_with_asha(scores, 3, new_trial, keep=2) >= 2 for scores in searches)
    assert np.mean([n_completed_with_optuna(scores, 3) >= 2 for scores in searches]) < 0.95
