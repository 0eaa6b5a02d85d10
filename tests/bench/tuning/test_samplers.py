"""Suggestions of each sampler, and the trials that an Optuna study holds."""

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.result import TRAINING_ITERATION

from bench.record.trial import TrialRecord
from bench.space.overrides import override
from bench.space.reader import load_space
from bench.tuning.config import OBJECTIVE, OUTCOME
from bench.tuning.samplers import GridMethodSearch, OptunaMethodSearch, method_search

EPOCHS, RUNGS = 9, (3,)


def space(*settings, method="mask_fixed"):
    return override([load_space(method).scaled(256)], settings)[0]


def search(sampler="tpe", seed=0, n_trials=12, the_space=None):
    return OptunaMethodSearch(the_space or space(), sampler, seed, RUNGS, n_trials)


def value_of(point):
    return 1 - abs(point["r_max"] - 60) / 100


def play(searcher, n, pruned=lambda number: False, failed=lambda number: False, points=None):
    """Run trials one by one; return their points."""
    points = [] if points is None else points
    for number in range(len(points), n):
        trial_id = f"t{number}"
        point = searcher.next_point(trial_id)
        points.append(point)
        objective = value_of(point)
        if failed(number):
            searcher.on_trial_complete(trial_id, {OBJECTIVE: 0.0, TRAINING_ITERATION: 1, OUTCOME: "failed"})
            continue
        for epoch in range(1, 3):
            searcher.on_trial_result(trial_id, {OBJECTIVE: 0.0, TRAINING_ITERATION: epoch})
        if pruned(number):  # Ray Tune does not pass on the result at which it stops a trial
            searcher.on_trial_complete(trial_id, {OBJECTIVE: objective / 2, TRAINING_ITERATION: 3})
            continue
        for epoch in range(3, EPOCHS):
            searcher.on_trial_result(trial_id, {OBJECTIVE: objective / 2, TRAINING_ITERATION: epoch})
        searcher.on_trial_complete(trial_id, {OBJECTIVE: objective, TRAINING_ITERATION: EPOCHS, OUTCOME: "completed"})
    return points


def as_record(number, point, outcome="completed"):
    return TrialRecord(
        key=f"k{number}", number=number, stage="search", method="mask_fixed", configuration=str(number), params=point,
        fold=0, seed=0, epochs=EPOCHS, outcome=outcome,
    )  # fmt: skip


def test_the_study_holds_complete_pruned_and_failed_trials():
    searcher = search()
    points = play(searcher, 6, pruned=lambda number: number in (1, 4), failed=lambda number: number == 2)
    trials = searcher.study().trials
    states = [trial.state for trial in trials]
    complete, pruned, fail = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
    assert states == [complete, pruned, fail, complete, pruned, complete]
    assert trials[0].value == pytest.approx(value_of(points[0]))
    assert trials[0].intermediate_values == {3: pytest.approx(value_of(points[0]) / 2)}, "only values at rungs"
    assert trials[1].intermediate_values == {3: pytest.approx(value_of(points[1]) / 2)}
    assert trials[1].value == trials[1].intermediate_values[3]
    assert trials[2].value is None


def test_tpe_learns_from_pruned_trials(monkeypatch):
    seen = []
    split = optuna.samplers._tpe.sampler._split_trials

    def spy(study, trials, n_below):
        seen.append([trial.state for trial in trials])
        return split(study, trials, n_below)

    monkeypatch.setattr(optuna.samplers._tpe.sampler, "_split_trials", spy)
    searcher = search()
    play(searcher, 7, pruned=lambda number: number == 1)
    assert seen, "TPE has begun"
    assert TrialState.PRUNED in seen[0]
    assert TrialState.FAIL not in seen[-1]


def test_tpe_suggests_better_radii_than_random_search():
    def mean_of_late_trials(sampler):
        points = play(search(sampler, n_trials=30), 30)[15:]
        return sum(map(value_of, points)) / len(points)

    assert mean_of_late_trials("tpe") > mean_of_late_trials("random") + 0.05


def test_the_study_holds_the_rounded_values_that_are_trained():
    searcher = search()
    points = play(searcher, 8)
    for trial, point in zip(searcher.study().trials, points, strict=True):
        assert trial.params == {name: point[name] for name in trial.params}


def test_the_paper_grid_comes_first():
    points = play(search(), 4)
    assert [point["r_max"] for point in points[:3]] == [50.0, 90.0, 126.0]
    assert points[3]["r_max"] not in (50.0, 90.0, 126.0)
    assert all(set(point) == set(space().parameters) for point in points)


def test_an_interrupted_trial_is_resumed_under_its_new_id():
    searcher = search()
    point = space().complete({"r_max": 70.0})
    searcher.restore(as_record(0, point, "running"), {3: 0.4})
    assert [trial.state for trial in searcher.study().trials] == [TrialState.RUNNING]
    searcher.resume("k0", "new")
    searcher.on_trial_result("new", {OBJECTIVE: 0.4, TRAINING_ITERATION: 3})
    searcher.on_trial_complete("new", {OBJECTIVE: 0.5, TRAINING_ITERATION: EPOCHS, OUTCOME: "completed"})
    (trial,) = searcher.study().trials
    assert (trial.state, trial.value, trial.params["r_max"]) == (TrialState.COMPLETE, 0.5, 70.0)


def test_no_configuration_is_suggested_twice_and_an_exhausted_space_ends():
    small = space("r_max=50,60", "lr=0.001", "beta=0.001", "normalize=true")
    searcher = search(the_space=small)
    points = play(searcher, 2)
    assert sorted(point["r_max"] for point in points) == [50.0, 60.0]
    assert searcher.next_point("t9") is None


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_seed_0_suggests_what_it_always_has_so_that_older_searches_are_resumed_alike(sampler):
    points = play(search(sampler, n_trials=30), 6)
    found = [(point["r_max"], point["lr"], point["beta"]) for point in points[3:]]
    assert found == [
        (58.99, 0.001245, 0.0004318),
        (58.31, 0.0009599, 0.0003136),
        (53.69, 0.0003674, 0.0001618),
    ]


def test_a_first_point_is_tried_once_in_its_rounded_form():
    unrounded = space().model_copy(update={"first": ({"lr": 0.00123456}, {"lr": 0.002})})
    points = play(search(the_space=unrounded), 3)
    assert [point["lr"] for point in points] == [0.001235, 0.002, 0.001]


def test_the_first_value_counts_when_a_resumed_trial_passes_a_rung_again():
    searcher = search()
    searcher.next_point("a")
    for value in (0.4, 0.9):
        searcher.on_trial_result("a", {OBJECTIVE: value, TRAINING_ITERATION: 3})
    assert searcher.study().trials[0].intermediate_values == {3: 0.4}


def test_values_have_four_digits_and_lie_in_the_range():
    points = play(search("random", n_trials=20, the_space=space("r_max=33.333333..33.4")), 8)
    for point in points:
        assert 33.333333 <= point["r_max"] <= 33.4
    assert len(str(points[-1]["lr"])) <= len("0.0001234")


def test_the_grid_is_tried_in_order_without_points_of_earlier_trials():
    grid = GridMethodSearch(space().grid_points())
    grid.restore(as_record(0, space().grid_points()[1]), {})
    assert [grid.next_point("a")["r_max"], grid.next_point("b")["r_max"], grid.next_point("c")] == [50.0, 126.0, None]


def test_a_space_without_anything_to_search_has_one_point():
    fixed = space("lr=0.001", method="rae")
    searcher = method_search(fixed, "tpe", 0, RUNGS, 5)
    assert searcher.next_point("a") == fixed.complete({})
    assert searcher.next_point("b") is None


def test_a_gaussian_process_suggests_new_points_when_its_best_point_always_fails():
    searcher = search("gp", n_trials=30)
    points = play(searcher, 12)
    assert None not in play(searcher, 20, failed=lambda number: number >= 12, points=points)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_kept_study_answers_like_a_new_study_of_the_same_trials(sampler):
    kept = search(sampler)
    for number in range(12):
        new = search(sampler)
        new._points = list(kept._points)
        new.study().add_trials(kept.study().trials)
        assert new.next_point("new") == kept.next_point(f"t{number}")
        result = {OBJECTIVE: value_of(kept._points[-1]), TRAINING_ITERATION: EPOCHS, OUTCOME: "completed"}
        kept.on_trial_complete(f"t{number}", result)


def test_a_suggestion_builds_no_study_unless_it_repeats_a_configuration(monkeypatch):
    searcher, built = search(), []
    create = optuna.create_study
    monkeypatch.setattr(optuna, "create_study", lambda **options: built.append(options) or create(**options))
    play(searcher, 12)
    assert built == []
    small = search(the_space=space("r_max=40", "normalize=true,false", "lr=0.001", "beta=0.001"))
    play_to_the_end = [small.next_point(f"t{number}") for number in range(3)]
    assert play_to_the_end[2] is None
    assert len(small.study().trials) == 2, "no refused suggestion stays in the study"
