"""Choose the configurations of one method: with an Optuna sampler, or along the grid."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import optuna
from optuna.trial import TrialState, create_trial
from ray.tune.result import TRAINING_ITERATION

from bench.record.trial import TrialRecord
from bench.space.domains import Point, Range, distribution_of
from bench.space.objectives import Objective
from bench.space.samplers import SAMPLERS, build_sampler
from bench.space.space import Space
from bench.terminal.formatting import rounded
from bench.tuning.config import OBJECTIVE, OUTCOME

OWN_REPEATS = 4
"""Known configurations that a sampler may suggest in a row before random suggestions replace its own. A Gaussian
process never learns of a failed trial, so it would suggest the same configuration forever."""
MAX_REPEATS = 20
"""Known configurations in a row after which the space counts as exhausted."""

_STATES = {"completed": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


class MethodSearch(Protocol):
    """Chooses the configurations of one method, and learns how their trials end."""

    def next_point(self, trial_id: str) -> Point | None:
        """Return the next complete point, or None if none is left."""

    def restore(self, record: TrialRecord, values: Mapping[int, float]) -> None:
        """Add a trial of an earlier run of the search. Call it in the order in which the trials began.

        Args:
            record: The trial. If its outcome is `running`, call `resume` later.
            values: What Ray Tune maximises, by epoch, for the epochs at which it is known.
        """

    def resume(self, key: str, trial_id: str) -> None:
        """Continue an interrupted trial.

        Args:
            key: Key of its record.
            trial_id: Its new id in Ray Tune.
        """

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Called after every epoch of a trial, except the epoch at which Ray Tune stops it."""

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """Called when a trial ends, with its last result."""


class GridMethodSearch:
    """Tries a list of points in order.

    Args:
        points: Complete points.
    """

    def __init__(self, points: Iterable[Point]) -> None:
        self._points = list(points)
        self._done: list[Point] = []

    def next_point(self, trial_id: str) -> Point | None:
        """Return the next point, or None at the end of the list."""
        for point in self._points:
            if point not in self._done:
                self._done.append(point)
                return point
        return None

    def restore(self, record: TrialRecord, values: Mapping[int, float]) -> None:
        """Skip the point of an earlier trial."""
        self._done.extend(point for point in self._points if _is_point_of(record, point))

    def resume(self, key: str, trial_id: str) -> None:
        """Do nothing: the next point does not depend on results."""

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Do nothing: the next point does not depend on results."""

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """Do nothing: the next point does not depend on results."""


class OptunaMethodSearch:
    """Optuna's ask-and-tell interface over the space of one method.

    An in-memory study holds the trials, in the order in which they began. Each suggestion asks it with a new sampler,
    whose seed depends on their number. A suggestion therefore depends on the seed and on the trials alone, so a resumed
    search suggests the same as an uninterrupted one. The study is kept between suggestions, because building it anew
    takes 0.1 s for 1000 trials. It holds the rounded values that are trained, not the values that the sampler drew, and
    no suggestion that was refused. It differs from Ray's `OptunaSearch` in the states: a trial
    that was stopped early is PRUNED with its values at the rungs, where Ray records it as COMPLETE with its last value.
    A trial that failed by itself is FAIL. No configuration is suggested twice.

    Args:
        space: The method's space, lengths in native px, with at least one searched hyperparameter.
        sampler: Name of a sampler that is not exhaustive.
        seed: Seed of the sampler.
        rungs: Epochs at which trials are compared.
        n_trials: Planned number of trials. A third of them (4 to 10) are first points and random ones, before TPE and
            the Gaussian process suggest their own.
        objectives: The objectives. If there are several, the study learns only of fully trained trials.
    """

    def __init__(
        self,
        space: Space,
        sampler: str,
        seed: int,
        rungs: Iterable[int],
        n_trials: int,
        objectives: Sequence[Objective] = (),
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._distributions = {name: distribution_of(domain) for name, domain in space.searched.items()}
        self._sampler, self._seed = sampler, seed
        self._rungs = frozenset(rungs)
        self._n_startup = max(4, min(10, n_trials // 3))
        self._objectives = tuple(objectives) if len(objectives) > 1 else ()
        self._first = [self._rounded(point) for point in space.first_points()]
        self._points: list[Point] = []
        self._number: dict[str, int] = {}  # place in `_points` and in the study, by trial id; by key before `resume`
        self._begin_study()

    def _begin_study(self) -> None:
        # The functions of a storage change a running trial, for which a study has none.
        self._storage = optuna.storages.InMemoryStorage()
        directions = ["maximize"] * max(1, len(self._objectives))
        self._study = optuna.create_study(storage=self._storage, directions=directions)
        self._study_id = self._storage.get_study_id_from_name(self._study.study_name)

    def study(self) -> optuna.Study:
        """Return the study of all trials so far. It changes with the search."""
        return self._study

    def next_point(self, trial_id: str) -> Point | None:
        """Return the next complete point: the space's first points, then suggestions; None if the space is exhausted.

        The space counts as exhausted after `MAX_REPEATS` suggestions of known configurations in a row.
        """
        first = next((point for point in self._first if point not in self._points), None)
        if first is not None:
            self._add(first, TrialState.RUNNING)
        point = self._new_suggestion() if first is None else first
        if point is not None:
            self._number[trial_id] = len(self._points) - 1
        return point

    def restore(self, record: TrialRecord, values: Mapping[int, float]) -> None:
        """Add a trial of an earlier run to the study."""
        point = {name: record.params[name] for name in self._space.parameters}
        state = _STATES.get(record.outcome, TrialState.RUNNING)
        if state == TrialState.RUNNING:
            self._number[record.key] = len(self._points)
        if self._objectives:
            final = self._final_values(record.metrics) if state == TrialState.COMPLETE else None
            self._add(point, state if final or state == TrialState.RUNNING else TrialState.FAIL, final)
            return
        at_rungs = {epoch: value for epoch, value in values.items() if epoch in self._rungs}
        if state == TrialState.PRUNED and values:
            at_rungs[max(values)] = values[max(values)]
        has_value = values and state in (TrialState.COMPLETE, TrialState.PRUNED)
        self._add(point, state, [values[max(values)]] if has_value else None, at_rungs)

    def resume(self, key: str, trial_id: str) -> None:
        """Continue an interrupted trial under its new id."""
        self._number[trial_id] = self._number.pop(key)

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Record the value at a rung; between rungs the study needs none."""
        if result[TRAINING_ITERATION] in self._rungs and not self._objectives:
            self._record_value(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """Record how a trial ended."""
        if error or result is None or result.get(OUTCOME) == "failed":
            self._end(trial_id, TrialState.FAIL)
        elif self._objectives:
            final = self._final_values(result) if result.get(OUTCOME) == "completed" else None
            self._end(trial_id, TrialState.COMPLETE if final else TrialState.FAIL, final)
        elif result.get(OUTCOME) == "completed":
            self._end(trial_id, TrialState.COMPLETE, [float(result[OBJECTIVE])])
        else:  # Ray Tune does not pass the result at which it stops a trial to `on_trial_result`.
            self._record_value(trial_id, result)
            self._end(trial_id, TrialState.PRUNED)  # its value is the one of its last epoch

    def _new_suggestion(self) -> Point | None:
        """Return a suggestion that is not known yet, as a running trial of the study; None if there is none."""
        for attempt in range(MAX_REPEATS):
            seed = mixed([self._seed, len(self._points), attempt])
            name = self._sampler if attempt < OWN_REPEATS else "random"
            self._study.sampler = build_sampler(name, seed, self._n_startup)
            asked = self._study.ask(self._distributions)
            point = self._rounded(asked.params)
            if point not in self._points:
                for key, distribution in self._distributions.items():
                    value = distribution.to_internal_repr(point[key])
                    self._storage.set_trial_param(self._id(asked.number), key, value, distribution)
                self._points.append(point)
                return point
            self._forget_last()
        return None

    def _forget_last(self) -> None:
        """Remove the last trial of the study. Optuna cannot remove a trial, so the study is built anew."""
        kept = self._study.get_trials(deepcopy=False)[:-1]
        self._begin_study()
        self._study.add_trials(kept)

    def _rounded(self, values: Mapping[str, Any]) -> Point:
        """Return the complete point that is trained: numbers of ranges have four digits and stay in their range."""
        point = self._space.complete(dict(values))
        for name, domain in self._space.parameters.items():
            if isinstance(domain, Range):
                point[name] = min(max(rounded(float(point[name])), domain.low), domain.high)
        return point

    def _add(
        self,
        point: Point,
        state: TrialState,
        values: Sequence[float] | None = None,
        at_rungs: Mapping[int, float] | None = None,
    ) -> None:
        self._points.append(point)
        self._study.add_trial(
            create_trial(
                state=state,
                values=values,
                params={name: point[name] for name in self._distributions},
                distributions=self._distributions,
                intermediate_values=dict(at_rungs or {}),
            )
        )

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)

    def _end(self, trial_id: str, state: TrialState, values: Sequence[float] | None = None) -> None:
        self._study.tell(self._number[trial_id], values, state=state)

    def _record_value(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Add a value to those of a running trial.

        A trial that continues from its checkpoint passes a rung twice; its first value counts.
        """
        id_, epoch = self._id(self._number[trial_id]), result[TRAINING_ITERATION]
        if epoch not in self._storage.get_trial(id_).intermediate_values:
            self._storage.set_trial_intermediate_value(id_, epoch, float(result[OBJECTIVE]))

    def _final_values(self, metrics: Mapping[str, Any]) -> list[float] | None:
        if not all(objective.final in metrics for objective in self._objectives):
            return None
        return [objective.sign * float(metrics[objective.final]) for objective in self._objectives]


def method_search(
    space: Space, sampler: str, seed: int, rungs: Iterable[int], n_trials: int, objectives: Sequence[Objective] = ()
) -> MethodSearch:
    """Return the object that chooses the configurations of a method.

    Args:
        space: Its space, lengths in native px.
        sampler: A name in `SAMPLERS`.
        seed: Seed of the sampler.
        rungs: Epochs at which trials are compared.
        n_trials: Planned number of trials.
        objectives: The objectives.

    Raises:
        NotFoundError: The sampler is unknown.
    """
    is_exhaustive = SAMPLERS.get(sampler).is_exhaustive
    if not space.searched:
        return GridMethodSearch([space.complete({})])
    if is_exhaustive:
        return GridMethodSearch(space.grid_points())
    return OptunaMethodSearch(space, sampler, seed, rungs, n_trials, objectives)


def mixed(parts: Sequence[int]) -> int:
    """Return one seed derived from several numbers, each at least 0."""
    import numpy as np

    return int(np.random.SeedSequence(list(parts)).generate_state(1)[0])


def _is_point_of(record: TrialRecord, point: Point) -> bool:
    return all(record.params.get(name) == value for name, value in point.items())
