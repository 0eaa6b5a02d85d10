"""What every sampler must do. A new sampler is one more parameter of each test."""

import pytest
from optuna.samplers import BaseSampler
from optuna.trial import TrialState
from ray.tune.result import TRAINING_ITERATION

from bench.record.trial import TrialRecord
from bench.space.objectives import parse_objectives
from bench.space.reader import load_space
from bench.space.samplers import SAMPLERS, Sampler, build_sampler, register
from bench.tuning.config import OBJECTIVE, OUTCOME
from bench.tuning.samplers import method_search
from cellbench.errors import NotFoundError, SettingError

N = 8
SPACE = load_space("mask_fixed").scaled(256)  # ranges on a log scale, and a choice
EXHAUSTIVE = [record.name for record in SAMPLERS.items() if record.thing.is_exhaustive]
SAMPLING = [record.name for record in SAMPLERS.items() if not record.thing.is_exhaustive]
MULTI_OBJECTIVE = [record.name for record in SAMPLERS.items() if record.thing.is_multi_objective]

every_sampler = pytest.mark.parametrize("name", SAMPLERS.names())
every_sampling = pytest.mark.parametrize("name", SAMPLING)


def search_with(name, seed=0, objectives="f1"):
    return method_search(SPACE, name, seed, (3,), 12, parse_objectives(objectives))


def value_of(point):
    return 1 - abs(point["r_max"] - 60) / 100


def play(search, n=N, outcome=lambda number: "completed", before=()):
    """Run trials one by one until there are n or the search has no more points; return all points."""
    points = list(before)
    for number in range(len(points), n):
        trial_id = f"t{number}"
        point = search.next_point(trial_id)
        if point is None:
            break
        points.append(point)
        if outcome(number) == "failed":
            search.on_trial_complete(trial_id, None, error=True)
            continue
        result = {OBJECTIVE: value_of(point) / 2, TRAINING_ITERATION: 3}
        if outcome(number) == "pruned":
            search.on_trial_complete(trial_id, result)
            continue
        search.on_trial_result(trial_id, result)
        metrics = {"probe/f1_macro": value_of(point), "val/ssim_cell": point["lr"]}
        result = {OBJECTIVE: value_of(point), TRAINING_ITERATION: 9, OUTCOME: "completed"}
        search.on_trial_complete(trial_id, {**result, **metrics})
    return points


def mixed_outcomes(number):
    return {1: "pruned", 4: "failed"}.get(number, "completed")


def restored(name, points, outcome, seed=0):
    """Return a search that continues after the trials at these points."""
    search = search_with(name, seed)
    for number, point in enumerate(points):
        record = TrialRecord(
            key=f"k{number}", number=number, stage="search", method="mask_fixed", configuration=str(number),
            params=point, fold=0, seed=0, epochs=9, outcome=outcome(number),
        )  # fmt: skip
        values = {"completed": {3: value_of(point) / 2, 9: value_of(point)}, "pruned": {3: value_of(point) / 2}}
        search.restore(record, values.get(outcome(number), {}))
    return search


@every_sampler
def test_the_record_is_complete(name):
    sampler = SAMPLERS.get(name)
    assert sampler.name == name == name.strip().lower()
    assert sampler.description
    assert "\n" not in sampler.description


@every_sampler
def test_points_are_complete_different_and_in_the_space(name):
    points = play(search_with(name), outcome=mixed_outcomes)
    assert points
    assert all(set(point) == set(SPACE.parameters) and SPACE.holds(point) for point in points)
    assert len({tuple(point.items()) for point in points}) == len(points)


@every_sampler
def test_the_same_seed_gives_the_same_points(name):
    assert play(search_with(name, 3)) == play(search_with(name, 3))


@every_sampling
def test_another_seed_gives_other_points_after_the_first_points(name):
    one, other = play(search_with(name, 3)), play(search_with(name, 4))
    n_first = len(SPACE.first_points())
    assert one[:n_first] == other[:n_first] == SPACE.first_points()
    assert all(a != b for a, b in zip(one[n_first:], other[n_first:], strict=True))


@every_sampler
def test_a_resumed_search_continues_like_an_uninterrupted_one(name):
    whole = play(search_with(name), outcome=mixed_outcomes)
    n_before = min(6, len(whole) - 1)
    search = restored(name, whole[:n_before], mixed_outcomes)
    assert play(search, outcome=mixed_outcomes, before=whole[:n_before]) == whole


@every_sampler
def test_points_of_parallel_trials_differ(name):
    search = search_with(name)
    points = [search.next_point(f"t{number}") for number in range(N)]
    found = [tuple(point.items()) for point in points if point is not None]
    assert len(set(found)) == len(found) == (len(SPACE.grid_points()) if name in EXHAUSTIVE else N)


@every_sampler
def test_failed_trials_do_not_end_the_search(name):
    found = play(search_with(name), outcome=lambda number: "failed")
    assert len(found) == (len(SPACE.grid_points()) if name in EXHAUSTIVE else N)


@pytest.mark.parametrize("name", MULTI_OBJECTIVE)
def test_two_objectives_can_be_optimised(name):
    search = search_with(name, objectives="f1,ssim")
    points = play(search)
    assert points
    if name not in EXHAUSTIVE:
        assert [trial.values for trial in search.study().trials] == [[value_of(p), p["lr"]] for p in points]
        assert {trial.state for trial in search.study().trials} == {TrialState.COMPLETE}


@pytest.mark.parametrize("name", EXHAUSTIVE)
def test_an_exhaustive_sampler_tries_the_grid_and_nothing_else(name):
    assert play(search_with(name), 99) == SPACE.grid_points()
    with pytest.raises(SettingError, match=f"'{name}' tries the points of a grid"):
        build_sampler(name, 0, 4)


@every_sampling
def test_an_optuna_sampler_is_built_without_warnings(name):
    assert isinstance(build_sampler(name, 0, 4), BaseSampler)


def test_the_error_for_an_unknown_sampler_names_the_nearest():
    with pytest.raises(NotFoundError, match="no sampler 'tpee'; did you mean 'tpe'"):
        method_search(SPACE, "tpee", 0, (), 4)


def test_a_name_is_registered_once():
    with pytest.raises(SettingError, match="'grid' is registered twice"):
        register(Sampler("grid", None, is_multi_objective=True, description="another"))
