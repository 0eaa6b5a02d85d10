"""How configurations of one method are chosen: Optuna's samplers behind Ray's OptunaSearch, and the paper's grid."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import optuna
from optuna.trial import TrialState
from ray.tune.result import TRAINING_ITERATION
from ray.tune.search.optuna import OptunaSearch

from bench.record.trial import TrialRecord
from bench.space.domains import Point, Range, Scalar, distribution_of
from bench.space.objectives import Objective
from bench.space.space import Space
from bench.terminal.formatting import rounded
from bench.tuning.config import OBJECTIVE, OUTCOME

OWN_REPEATS = 4
"""Suggestions of known configurations in a row after which random ones take their place: a Gaussian process that is
sure of its best point, or was told nothing of one that failed, would suggest it for ever."""
MAX_REPEATS = 20
"""Suggestions of known configurations in a row after which a space counts as used up."""


class MethodSearch(Protocol):
    """Chooses the configurations of one method, and hears what becomes of each."""

    def next_point(self, trial_id: str) -> Point | None:
        """Return the next complete point, or None where there is no other."""

    def recall(self, record: TrialRecord, goals: dict[int, float]) -> None:
        """Take on a trial of an earlier run of the search, in the order in which they began.

        Args:
            record: What became of it; one that is still `running` is taken up later by `take_up`.
            goals: Its goal at each epoch at which it was known.
        """

    def take_up(self, key: str, trial_id: str) -> None:
        """Go on with a recalled trial that was interrupted, under its new id in Ray Tune."""

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Hear of an epoch."""

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Hear that a trial ended."""


class GridMethodSearch:
    """Goes through a list of points.

    Args:
        points: Complete points in their order.
    """

    def __init__(self, points: Iterable[Point]) -> None:
        self._points = list(points)
        self._done: list[Point] = []

    def next_point(self, trial_id: str) -> Point | None:
        """Return the next point, or None at the end."""
        for point in self._points:
            if point not in self._done:
                self._done.append(point)
                return point
        return None

    def recall(self, record: TrialRecord, goals: dict[int, float]) -> None:
        """Pass over a point that was tried."""
        self._done.extend(point for point in self._points if _same(point, record.params))

    def take_up(self, key: str, trial_id: str) -> None:
        """Do nothing: a grid needs no results."""

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Do nothing: a grid needs no results."""

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Do nothing: a grid needs no results."""


class OptunaMethodSearch(OptunaSearch):
    """An Optuna study over one method's space.

    It differs from Ray's OptunaSearch in what the study is told: a trial that was stopped early is PRUNED with its
    goals at rungs, where Ray says COMPLETE with the last value as if it had been trained in full; one that failed by
    itself is FAIL. A suggestion depends on the seed and on what the study knows, and on nothing else, so a search
    that is resumed goes on as if it had never been stopped. No configuration is suggested twice.

    Args:
        space: The method's space, lengths in native px; something in it is searched.
        sampler: `tpe`, `random` or `gp`.
        seed: Seed of the sampler.
        rungs: Epochs at which trials are compared.
        n_trials: Trials in all; a third of them (4 to 10) precede the first that TPE or GP suggest.
        goals: The objectives; of several, a study hears nothing of trials that were not trained to the end.
    """

    def __init__(
        self,
        space: Space,
        sampler: str,
        seed: int,
        rungs: Iterable[int],
        n_trials: int,
        goals: Sequence[Objective] = (),
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._method_space = space
        self._distributions = {name: distribution_of(domain) for name, domain in space.searched.items()}
        self._rungs = frozenset(rungs)
        self._sampler_name, self._base_seed = sampler, seed
        self._n_startup = max(4, min(10, n_trials // 3))
        self._first = space.first_points()
        self._known: list[Point] = []
        self._interrupted: dict[str, optuna.Trial] = {}
        self._goals = tuple(goals) if len(goals) > 1 else ()
        super().__init__(
            space=self._distributions,
            metric=[objective.final for objective in goals] if self._goals else OBJECTIVE,
            mode=["max"] * len(goals) if self._goals else "max",
            sampler=make_sampler(sampler, seed, self._n_startup),
        )

    @property
    def study(self) -> optuna.Study:
        """The study, in memory."""
        return self._ot_study

    def next_point(self, trial_id: str) -> Point | None:
        """Return the next complete point, or None where the space seems to hold no other."""
        first = next((point for point in self._first if point not in self._known), None)
        if first is not None:
            self.study.enqueue_trial({name: first[name] for name in self._distributions})
        for attempt in range(MAX_REPEATS):
            seed = [self._base_seed, len(self._known), attempt]
            name = self._sampler_name if attempt < OWN_REPEATS else "random"
            self.study.sampler = make_sampler(name, mixed(seed), self._n_startup)
            point = self._complete(self.suggest(trial_id))
            if point not in self._known:
                self._known.append(point)
                self._correct(trial_id, point)
                return point
            self.study.tell(self._ot_trials.pop(trial_id), state=TrialState.FAIL)
        return None

    def recall(self, record: TrialRecord, goals: dict[int, float]) -> None:
        """Add a trial of an earlier run to the study."""
        point = {name: record.params[name] for name in self._method_space.parameters}
        self._known.append(point)
        states = {"completed": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        state = states.get(record.outcome, TrialState.RUNNING)
        if self._goals:
            self._recall_several(record, state)
            return
        at_rungs = {epoch: objective for epoch, objective in goals.items() if epoch in self._rungs}
        if state == TrialState.PRUNED and goals:
            at_rungs[max(goals)] = goals[max(goals)]
        values = {TrialState.COMPLETE: goals, TrialState.PRUNED: at_rungs}.get(state)
        self.study.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=values[max(values)] if values else None,
                params={name: point[name] for name in self._distributions},
                distributions=self._distributions,
                intermediate_values=at_rungs,
            )
        )
        self._keep_if_running(record, state)

    def _recall_several(self, record: TrialRecord, state: TrialState) -> None:
        values = self._values(record.metrics) if state == TrialState.COMPLETE else None
        if values is None and state != TrialState.RUNNING:
            state = TrialState.FAIL
        params = {name: self._known[-1][name] for name in self._distributions}
        self.study.add_trial(
            optuna.trial.create_trial(state=state, values=values, params=params, distributions=self._distributions)
        )
        self._keep_if_running(record, state)

    def _keep_if_running(self, record: TrialRecord, state: TrialState) -> None:
        if state == TrialState.RUNNING:
            newest = self.study.get_trials(deepcopy=False)[-1]
            self._interrupted[record.key] = optuna.Trial(self.study, newest._trial_id)

    def _values(self, metrics: Mapping[str, Any]) -> list[float] | None:
        if not all(objective.final in metrics for objective in self._goals):
            return None
        return [objective.sign * float(metrics[objective.final]) for objective in self._goals]

    def take_up(self, key: str, trial_id: str) -> None:
        """Go on with an interrupted trial."""
        self._ot_trials[trial_id] = self._interrupted.pop(key)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Report the goal where it is news: at rungs."""
        if result[TRAINING_ITERATION] in self._rungs and not self._goals:
            self._report(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the study how a trial ended."""
        trial = self._ot_trials[trial_id]
        outcome = (result or {}).get(OUTCOME)
        if self._goals:
            values = self._values(result or {}) if outcome == "completed" and not error else None
            self.study.tell(trial, values, state=None if values else TrialState.FAIL)
            return
        if error or result is None or outcome == "failed":
            self.study.tell(trial, state=TrialState.FAIL)
        elif outcome == "completed":
            self.study.tell(trial, result[OBJECTIVE])
        else:
            # Ray Tune does not pass on the very result at which it stops a trial.
            self._report(trial_id, result)
            self.study.tell(trial, state=TrialState.PRUNED)

    def _correct(self, trial_id: str, point: Point) -> None:
        """Let the study know the values that are trained, not those that they were rounded from."""
        for name, distribution in self._distributions.items():
            value = distribution.to_internal_repr(point[name])
            self.study._storage.set_trial_param(self._ot_trials[trial_id]._trial_id, name, value, distribution)

    def _report(self, trial_id: str, result: dict[str, Any]) -> None:
        with warnings.catch_warnings():  # a trial that goes on from its checkpoint passes a rung twice
            warnings.filterwarnings("ignore", message=".*already reported")
            self._ot_trials[trial_id].report(result[OBJECTIVE], result[TRAINING_ITERATION])

    def _complete(self, suggested: dict[str, Any]) -> Point:
        point: Point = {}
        for name, domain in self._method_space.parameters.items():
            value: Scalar = suggested.get(name, domain.default)
            if isinstance(domain, Range):
                value = min(max(rounded(float(suggested[name])), domain.low), domain.high)
            point[name] = value
        return point


def make_sampler(name: str, seed: int, n_startup: int) -> optuna.samplers.BaseSampler:
    """Return one of Optuna's samplers.

    Args:
        name: `tpe`, `random` or `gp`.
        seed: Its seed.
        n_startup: Trials drawn at random before it begins.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "tpe":
            return optuna.samplers.TPESampler(
                multivariate=True, group=True, constant_liar=True, seed=seed, n_startup_trials=n_startup
            )
        if name == "gp":
            return optuna.samplers.GPSampler(seed=seed, n_startup_trials=n_startup)
        return optuna.samplers.RandomSampler(seed=seed)


def method_search(
    space: Space, sampler: str, seed: int, rungs: Iterable[int], n_trials: int, goals: Sequence[Objective] = ()
) -> MethodSearch:
    """Return what chooses the configurations of a method.

    Args:
        space: Its space, lengths in native px.
        sampler: `tpe`, `random`, `gp` or `grid`.
        seed: Seed of the sampler.
        rungs: Epochs at which trials are compared.
        n_trials: Trials in all.
        goals: The objectives.
    """
    if sampler == "grid" or not space.searched:
        return GridMethodSearch(space.grid_points() if space.searched else [space.complete({})])
    return OptunaMethodSearch(space, sampler, seed, rungs, n_trials, goals)


def mixed(parts: list[int]) -> int:
    """Return one seed made of several numbers."""
    import numpy as np

    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _same(point: Point, params: dict[str, Any]) -> bool:
    return all(params.get(name) == value for name, value in point.items())
