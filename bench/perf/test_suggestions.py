"""Cost of a suggestion by number of finished trials, for each sampler."""

from typing import Any

import numpy as np
import optuna
import pytest

from bench.perf.beside import compare
from bench.record.trial import TrialRecord
from bench.space.reader import load_space
from bench.statistics.regret import expected_regret
from bench.tuning.config import OBJECTIVE, OUTCOME
from bench.tuning.samplers import OptunaMethodSearch

SAMPLERS = ("tpe", "gp", "random")
SPACE = load_space("mask_fixed")


@pytest.mark.parametrize("n_finished", [10, 100, 1000])
def test_suggestions_after_so_many_finished_trials(benchmark: Any, n_finished: int) -> None:
    records = _finished(n_finished)
    searches = {name: _search_after(name, records) for name in SAMPLERS}
    numbers = iter(range(10**6))

    def suggest(name: str) -> None:
        trial_id = f"{name}{next(numbers)}"
        point = searches[name].next_point(trial_id)
        assert point is not None
        result = {OBJECTIVE: _score(point), "training_iteration": 1, OUTCOME: "completed"}
        searches[name].on_trial_complete(trial_id, result)

    variants = {name: (lambda name=name: suggest(name)) for name in SAMPLERS}
    compare(benchmark, variants, amount=1, unit="suggestions", rounds=5 if n_finished < 1000 else 2)


@pytest.mark.parametrize("n_finished", [10, 40, 100])
def test_whether_to_stop_after_so_many_finished_trials(benchmark: Any, n_finished: int) -> None:
    records = _finished(n_finished)
    points, values = [record.params for record in records], [record.metrics["probe/f1_macro"] for record in records]
    compare(benchmark, {"--stop-early": lambda: _decide(points, values)}, amount=1, unit="decisions", rounds=3)


def _decide(points: list[Any], values: list[float]) -> None:
    assert expected_regret(SPACE, points, values, 0.02) is not None


def _search_after(name: str, records: list[TrialRecord]) -> OptunaMethodSearch:
    """Return a search that has restored these trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = OptunaMethodSearch(SPACE, name, 0, (), len(records))
    for record in records:
        search.restore(record, {1: record.metrics["probe/f1_macro"]})
    return search


def _score(point: Any) -> float:
    """Return a score with its maximum at 70 px."""
    return 0.6 - 0.05 * float(np.log(point["r_max"] / 70)) ** 2


def _finished(n: int) -> list[TrialRecord]:
    """Return n finished trials at random points, whose score has its maximum at 70 px."""
    rng = np.random.default_rng(0)
    random = OptunaMethodSearch(SPACE, "random", 0, (), n)
    found = []
    for number in range(n):
        point = random.next_point(str(number))
        assert point is not None
        value = _score(point) + rng.normal(0, 0.01)
        record = TrialRecord(
            key=str(number), number=number, stage="search", method="mask_fixed", configuration=str(number),
            params=point, fold=0, seed=0, epochs=1, outcome="completed", metrics={"probe/f1_macro": float(value)},
        )  # fmt: skip
        random.on_trial_complete(str(number), {OBJECTIVE: value, "training_iteration": 1, OUTCOME: "completed"})
        found.append(record)
    return found
