"""When trying ends by itself, that it says why, and that it stays ended."""

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
    """Return points and what they reached: best at 70 px."""
    rng = np.random.default_rng(seed)
    points = [SPACE.complete({"r_max": float(radius)}) for radius in radii]
    return points, [0.6 - 0.05 * np.log(radius / 70) ** 2 + rng.normal(0, noise) for radius in radii]


def test_a_space_that_is_known_promises_less_than_the_noise():
    found = expected_regret(SPACE, *tried(np.geomspace(25, 150, 20)), 0.02)
    assert found.is_enough
    assert found.noise == pytest.approx(0.01, rel=0.6)
    assert "after 20 completed trials the best of the space is expected to be 0.00" in found.sentence


def test_a_space_that_is_half_unknown_promises_more():
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


def test_few_trials_say_nothing():
    assert expected_regret(SPACE, *tried(np.geomspace(25, 150, MIN_COMPLETED - 1)), 0.02) is None


@pytest.fixture
def search(make_request, folder):
    """A search whose radius alone is searched and that may end early, its searcher, and how to run a trial of it."""
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

    def go_on(most=99):
        """Run trials until the searcher has enough; return how many."""
        records = folder.records()
        values = {record.key: {4: record.metrics["probe/f1_macro"]} for record in records}
        methods = {"mask_fixed": method_search(spaces[0], "tpe", 0, (), 40)}
        terms = TrialSettings(objective="f1", gpus=0.0, timeout_s=60.0, checkpoint_s=30.0)
        searcher = MethodsSearcher(methods, 40, jobs, terms, records, values)
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

    return request, go_on


def test_a_search_ends_by_itself_says_why_and_stays_ended(search, folder):
    request, go_on = search
    n = go_on()
    assert MIN_COMPLETED <= n < 40
    records = folder.records("search")
    (line,) = stop_reasons(request, folder.directory, records)
    assert line.startswith(f"The trials of mask_fixed stopped early: after {n} completed trials the best of the space")
    assert trials_left(request, folder.directory, records) == 0
    assert go_on() == 0


def test_resumed_it_ends_where_it_would_have_ended(search, folder):
    _, go_on = search
    first = go_on(5)
    n = first + go_on()
    for path in folder.directory.glob("trials/*/trial.json"):
        path.unlink()
    (folder.directory / "stopped.json").unlink()
    assert go_on() == n


def test_what_a_method_leaves_of_shared_trials_the_others_get(folder, search):
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


def test_without_the_option_nothing_is_said(search, folder):
    request, _ = search
    plain = request.model_copy(update={"stop_early": False})
    assert stop_reasons(plain, folder.directory, []) == []
    assert trials_left(plain, folder.directory, []) == 40
    assert StoppedMethods(folder.directory).read() == {}


def test_a_search_that_used_all_its_trials_says_what_more_might_bring(search, folder):
    request, go_on = search
    go_on(4)
    (line,) = stop_reasons(request, folder.directory, folder.records("search"))
    assert line == "The 4 trials of mask_fixed did not stop early: 4 are completed, too few to estimate."
