"""Early stopping of the trials of a method: when, with which reason, and after a resume."""

import numpy as np
import pytest

from bench.pipeline.early_stop import stop_reasons, trials_left
from bench.record.folder import StoppedMethods
from bench.record.jobs import Jobs, record_of
from bench.space.overrides import override
from bench.space.reader import load_space
from bench.statistics.regret import MIN_COMPLETED, expected_regret

SPACE = override([load_space("mask_fixed")], ["normalize=true", "lr=0.001", "beta=0.001"])[0]


def tried(radii, noise=0.01, seed=0):
    """Return points and their scores, which are best at 70 px."""
    rng = np.random.default_rng(seed)
    points = [SPACE.complete({"r_max": float(radius)}) for radius in radii]
    return points, [0.6 - 0.05 * np.log(radius / 70) ** 2 + rng.normal(0, noise) for radius in radii]


def test_the_expected_regret_of_a_known_space_is_below_the_noise():
    found = expected_regret(SPACE, *tried(np.geomspace(25, 150, 20)), 0.02)
    assert found.is_enough
    assert found.noise == pytest.approx(0.01, rel=0.6)
    assert "after 20 completed trials the best of the space is expected to be 0.00" in found.sentence


def test_the_expected_regret_of_a_half_unknown_space_is_above_the_noise():
    points, values = tried(np.geomspace(25, 33, 12), noise=0.001)
    found = expected_regret(SPACE, points, values, 0.02)
    assert not found.is_enough
    assert found.regret > 0.01


def test_the_expected_regret_is_about_the_true_one():
    expected, true = [], []
    for seed in range(10):
        radii = np.exp(np.random.default_rng(seed).uniform(np.log(25), np.log(150), 10))
        points, values = tried(radii, seed=seed)
        expected.append(expected_regret(SPACE, points, values, 0.02).regret)
        true.append(0.05 * np.log(radii[int(np.argmax(values))] / 70) ** 2)
    assert np.mean(expected) == pytest.approx(np.mean(true), abs=0.006)


def test_few_trials_give_no_estimate():
    assert expected_regret(SPACE, *tried(np.geomspace(25, 150, MIN_COMPLETED - 1)), 0.02) is None


@pytest.fixture
def search(make_request, folder):
    """A search over the radius alone with --stop-early, and a function that runs its trials."""
    from ray.tune.result import TRAINING_ITERATION
    from ray.tune.search import Searcher

    from bench.record.jobs import Jobs, record_of
    from bench.tuning.config import OBJECTIVE, OUTCOME, TrialConfig, TrialSettings
    from bench.tuning.samplers import method_search
    from bench.tuning.searchers import MethodsSearcher
    from cellbench.trials.job import TrialJob

    spaces = override(make_request().spaces, ["normalize=true", "lr=0.001", "beta=0.001"])
    request = make_request(n_trials=40, stop_early=True, scheduler="none").model_copy(update={"spaces": tuple(spaces)})
    jobs = Jobs(request, folder)

    def run(most=99):
        """Run trials until the searcher suggests no more; return how many."""
        records = folder.records()
        values = {record.key: {4: record.metrics["probe/f1_macro"]} for record in records}
        methods = {"mask_fixed": method_search(spaces[0], "tpe", 0, (), 40)}
        settings = TrialSettings(objective="f1", gpus=0.0, timeout_s=60.0, checkpoint_s=30.0)
        searcher = MethodsSearcher(methods, 40, jobs, settings, records, values)
        for number in range(most):
            suggestion = searcher.suggest(str(number))
            if suggestion == Searcher.FINISHED:
                return number
            config = TrialConfig.model_validate(suggestion["trial"])
            record = record_of(TrialJob.model_validate(config.job), config.number)
            chance = np.random.default_rng(config.number).normal(0, 0.01)
            objective = 0.6 - 0.05 * np.log(record.params["r_max"] / 12) ** 2 + chance
            record.outcome, record.metrics = "completed", {"probe/f1_macro": objective}
            folder.write(record)
            searcher.on_trial_complete(str(number), {OBJECTIVE: objective, TRAINING_ITERATION: 4, OUTCOME: "completed"})
        return most

    return request, run


def test_a_method_stops_early_with_a_reason_and_stays_stopped(search, folder):
    request, run = search
    n = run()
    assert MIN_COMPLETED <= n < 40
    records = folder.records("search")
    (line,) = stop_reasons(request, folder.directory, records)
    assert line.startswith(f"The trials of mask_fixed stopped early: after {n} completed trials the best of the space")
    assert trials_left(request, folder.directory, records) == 0
    assert run() == 0


def test_a_resumed_search_stops_at_the_same_trial(search, folder):
    _, run = search
    first = run(5)
    n = first + run()
    for path in folder.directory.glob("trials/*/trial.json"):
        path.unlink()
    (folder.directory / "stopped.json").unlink()
    assert run() == n


def test_other_methods_get_the_shared_trials_that_a_stopped_one_leaves(folder, search):
    request, _ = search
    other = request.spaces[0].model_copy(update={"method": "mask_sampled"})
    shared = request.model_copy(update={"share_trials": True, "n_trials": 10, "spaces": (*request.spaces, other)})
    first = record_of(Jobs(request, folder).search(SPACE.configuration(SPACE.complete({}))), 0)
    ended = first.model_copy(update={"outcome": "completed"})
    records = [ended] * 8 + [ended.model_copy(update={"method": "mask_sampled"})] * 11
    StoppedMethods(folder.directory).add("mask_fixed", "enough")
    assert trials_left(shared, folder.directory, records) == 1
    StoppedMethods(folder.directory).add("mask_sampled", "enough")
    assert trials_left(shared, folder.directory, records) == 0


def test_without_the_option_there_is_no_reason(search, folder):
    request, _ = search
    plain = request.model_copy(update={"stop_early": False})
    assert stop_reasons(plain, folder.directory, []) == []
    assert trials_left(plain, folder.directory, []) == 40
    assert StoppedMethods(folder.directory).read() == {}


def test_a_search_that_did_not_stop_early_says_why(search, folder):
    request, run = search
    run(4)
    (line,) = stop_reasons(request, folder.directory, folder.records("search"))
    assert line == "The 4 trials of mask_fixed did not stop early: 4 are completed, too few to estimate."
