"""Who is dropped from a race, and how often wrongly."""

import numpy as np
import pytest

from bench.statistics.racing import RATE, clearly_behind

NOISE = 0.02


def names(dropped):
    return {each.name for each in dropped}


def test_one_that_is_far_behind_is_dropped_after_two_folds():
    scores = {"a": {0: 0.70, 1: 0.66}, "b": {0: 0.69, 1: 0.67}, "c": {0: 0.55, 1: 0.50}}
    (dropped,) = clearly_behind(scores, 3, NOISE)
    assert (dropped.name, dropped.leader, dropped.n_folds) == ("c", "a", 2)
    assert dropped.behind == pytest.approx(0.155)
    assert "no further fold: 0.155 behind a on 2 folds" in dropped.reason


def test_a_fold_that_is_hard_for_all_is_no_noise():
    even = {"a": {0: 0.7, 1: 0.7, 2: 0.7}, "b": {0: 0.64, 1: 0.64, 2: 0.64}}
    uneven = {name: {fold: value - 0.1 * fold for fold, value in each.items()} for name, each in even.items()}
    (one,), (other,) = clearly_behind(even, 2, NOISE), clearly_behind(uneven, 2, NOISE)
    assert one.probability == pytest.approx(other.probability)


@pytest.mark.parametrize(
    "scores",
    [
        {},
        {"a": {0: 0.9, 1: 0.9}},
        {"a": {0: 0.9}, "b": {0: 0.1}},
        {"a": {0: 0.70, 1: 0.66}, "b": {0: 0.68, 1: 0.65}},
        {"a": {0: 0.9, 1: 0.9}, "b": {0: 0.1, 2: 0.1}},
    ],
)
def test_nobody_is_dropped_alone_after_one_fold_close_by_or_without_shared_folds(scores):
    assert clearly_behind(scores, 3, NOISE) == []


def race(chance, truth, n_finalists, noise, n_folds=5, fold_spread=0.02):
    """Run a race of the best on fold 0; return whether its truly best was dropped, and the trainings left out."""
    table = truth[:, None] + chance.normal(0, noise, (len(truth), n_folds)) + chance.normal(0, fold_spread, n_folds)
    started = np.argsort(-table[:, 0])[:n_finalists]
    best, left, spared = started[truth[started].argmax()], list(started), 0
    for fold in range(1, n_folds):
        spared += len(started) - len(left)
        scores = {str(c): {f: float(table[c, f]) for f in range(fold + 1)} for c in left}
        out = names(clearly_behind(scores, len(started), NOISE)) if fold < n_folds - 1 else set()
        left = [c for c in left if str(c) not in out]
    return best not in left, spared / (len(started) * (n_folds - 1))


@pytest.mark.parametrize("noise", [0.5 * NOISE, NOISE, 2 * NOISE])
@pytest.mark.parametrize("n_finalists", [2, 3, 8])
@pytest.mark.parametrize("lead", [0.0, 0.5, 1.0])
def test_the_truly_best_is_dropped_less_often_than_stated(noise, n_finalists, lead):
    chance = np.random.default_rng(0)
    found = [
        race(chance, np.concatenate([[lead * noise], np.zeros(29)])[chance.permutation(30)], n_finalists, noise)
        for _ in range(400)
    ]
    assert np.mean([wrong for wrong, _ in found]) <= RATE


def test_the_truly_best_is_kept_as_often_where_folds_do_not_matter():
    chance = np.random.default_rng(0)
    found = [race(chance, np.zeros(30), 3, NOISE, fold_spread=0) for _ in range(400)]
    assert np.mean([wrong for wrong, _ in found]) <= RATE


def test_racing_spares_trainings_where_finalists_differ():
    chance = np.random.default_rng(0)
    found = [race(chance, chance.normal(0, 0.06, 30), 8, NOISE) for _ in range(200)]
    assert np.mean([wrong for wrong, _ in found]) <= RATE
    assert np.mean([spared for _, spared in found]) > 0.2
