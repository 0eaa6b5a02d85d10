"""What Ray Tune asks for the next trial: the search stage over all methods, or a list of jobs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune.result import TRAINING_ITERATION
from ray.tune.search import Searcher

from bench.record.folder import StoppedMethods
from bench.record.jobs import Jobs
from bench.record.request import Request
from bench.record.trial import TrialRecord
from bench.statistics.regret import expected_regret
from bench.tuning.config import OBJECTIVE, OUTCOME, TrialConfig, TrialSettings
from bench.tuning.method_sampler import SharedTrials
from bench.tuning.samplers import MethodSearch

if TYPE_CHECKING:
    from cellbench.trials.job import TrialJob


class _StatelessSearcher(Searcher):
    """A searcher that Ray Tune need not save: a search goes on from the search folder."""

    def save(self, checkpoint_path: str) -> None:
        """Write nothing."""


class JobSearcher(_StatelessSearcher):
    """Hands out a list of jobs in their order.

    Args:
        jobs: The jobs.
        terms: What all trials share.
        first_number: Number of the first of them within its stage.
    """

    def __init__(self, jobs: Sequence["TrialJob"], terms: TrialSettings, first_number: int = 0) -> None:
        super().__init__(metric=OBJECTIVE, mode="max")
        self._waiting = [_config(job, first_number + n, terms) for n, job in enumerate(jobs)]

    def suggest(self, trial_id: str) -> Any:
        """Return the configuration of the next trial, or `Searcher.FINISHED`."""
        return self._waiting.pop(0) if self._waiting else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Do nothing: what comes next does not depend on it."""


class MethodsSearcher(_StatelessSearcher):
    """Asks the methods for a configuration in turn, so that all have the same budget at any time.

    Where they share their trials, whoever promises most is asked instead.

    Args:
        methods: What chooses the configurations of each method.
        n_trials: Trials of each method, those of earlier runs of the search included; shared, their mean.
        jobs: Makes jobs of configurations.
        terms: What all trials share.
        records: Trials of earlier runs; those that were interrupted come first.
        goals: For the key of each of those, its goal at each epoch at which it was known.
    """

    def __init__(
        self,
        methods: Mapping[str, MethodSearch],
        n_trials: int,
        jobs: Jobs,
        terms: TrialSettings,
        records: Sequence[TrialRecord] = (),
        goals: Mapping[str, dict[int, float]] | None = None,
    ) -> None:
        super().__init__(metric=OBJECTIVE, mode="max")
        self._methods, self._n_trials, self._jobs, self._terms = dict(methods), n_trials, jobs, terms
        self._spaces = {space.method: space for space in jobs.request.spaces}
        self._started = dict.fromkeys(methods, 0)
        self._closed: set[str] = set()
        self._shared = SharedTrials(list(methods), jobs.request.seed) if jobs.request.share_trials else None
        self._method_of: dict[str, str] = {}
        self._point_of: dict[str, Mapping[str, Any]] = {}
        self._next_number = 1 + max((record.number for record in records), default=-1)
        for record in records:
            self._methods[record.method].recall(record, (goals or {}).get(record.key, {}))
            self._started[record.method] += 1
        self._interrupted = [record for record in records if record.outcome == "running"]
        self._enough = EarlyStopping(jobs.request, jobs.directory) if jobs.request.stop_early else None
        for record in records:
            self._hear(record.method, record.params, record.outcome, (goals or {}).get(record.key, {}))

    def suggest(self, trial_id: str) -> Any:
        """Return the configuration of the next trial, or `Searcher.FINISHED`."""
        if self._interrupted:
            record = self._interrupted.pop(0)
            self._methods[record.method].take_up(record.key, trial_id)
            self._method_of[trial_id], self._point_of[trial_id] = record.method, record.params
            return _config(self._jobs.of_record(record), record.number, self._terms)
        while (name := self._next_method()) is not None:
            if self._enough is not None and self._enough.is_enough(name):
                self._closed.add(name)
                continue
            point = self._methods[name].next_point(trial_id)
            if point is None:  # nothing left in its space
                self._closed.add(name)
                continue
            self._started[name] += 1
            self._method_of[trial_id], self._point_of[trial_id] = name, point
            self._next_number += 1
            job = self._jobs.search(self._spaces[name].configuration(point))
            return _config(job, self._next_number - 1, self._terms)
        return Searcher.FINISHED

    def _next_method(self) -> str | None:
        """Return whose turn it is; None where all is tried that was asked for."""
        left = [name for name in self._started if name not in self._closed]
        if self._shared is None:
            left = [name for name in left if self._started[name] < self._n_trials]
            return min(left, key=lambda name: self._started[name], default=None)
        if not left or sum(self._started.values()) >= self._n_trials * len(self._started):
            return None
        return self._shared.choose(self._started, left)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Pass on an epoch to its method."""
        self._methods[self._method_of[trial_id]].on_trial_result(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Pass on the end of a trial to its method."""
        method = self._method_of[trial_id]
        self._methods[method].on_trial_complete(trial_id, result, error)
        if result is not None and not error:
            self._hear(
                method,
                self._point_of[trial_id],
                result.get(OUTCOME, "pruned"),
                {result[TRAINING_ITERATION]: result[OBJECTIVE]},
            )

    def _hear(self, method: str, point: Mapping[str, Any], outcome: str | None, goals: Mapping[int, float]) -> None:
        if self._shared is not None:
            self._shared.hear(method, outcome, goals)
        if self._enough is not None and outcome == "completed" and goals:
            self._enough.hear(method, point, goals[max(goals)])


def _config(job: "TrialJob", number: int, terms: TrialSettings) -> dict[str, Any]:
    return {"trial": TrialConfig(job=job.model_dump(mode="json"), number=number, settings=terms).model_dump()}


class EarlyStopping:
    """Says, trial by trial, whether a method needs further ones.

    Args:
        request: The search.
        directory: Its folder.
    """

    def __init__(self, request: Request, directory: Path) -> None:
        self._spaces = {space.method: space for space in request.spaces}
        self._seed, self._noise, self._stops = request.seed, request.primary_objective.noise, StoppedMethods(directory)
        self._heard: dict[str, tuple[list[Mapping[str, Any]], list[float]]] = {name: ([], []) for name in self._spaces}
        self._judged = dict.fromkeys(self._spaces, 0)

    def hear(self, method: str, point: Mapping[str, Any], objective: float) -> None:
        """Hear of a completed trial; more is better."""
        points, goals = self._heard[method]
        points.append(point)
        goals.append(objective)

    def is_enough(self, method: str) -> bool:
        """Whether a method needs no further trials; the reason is then in the search's folder."""
        if method in self._stops.read():
            return True
        points, goals = self._heard[method]
        if not self._spaces[method].searched or len(points) == self._judged[method]:
            return False
        self._judged[method] = len(points)
        found = expected_regret(self._spaces[method], points, goals, self._noise, self._seed)
        if found is None or not found.is_enough:
            return False
        self._stops.add(method, found.sentence)
        return True
