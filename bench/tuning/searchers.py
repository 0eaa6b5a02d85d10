"""Ray Tune searchers, which return the next trial: of the search stage over all methods, or of a list of jobs."""

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
from bench.tuning.method_sampler import MethodSampler
from bench.tuning.samplers import MethodSearch

if TYPE_CHECKING:
    from cellbench.trials.job import TrialJob


class _StatelessSearcher(Searcher):
    """A searcher without a saved state: a search is resumed from its folder."""

    def save(self, checkpoint_path: str) -> None:
        """Write nothing."""


class JobSearcher(_StatelessSearcher):
    """Returns a list of jobs in order.

    Args:
        jobs: The jobs.
        settings: What all trials share.
        first_number: Number of the first job within its stage.
    """

    def __init__(self, jobs: Sequence["TrialJob"], settings: TrialSettings, first_number: int = 0) -> None:
        super().__init__(metric=OBJECTIVE, mode="max")
        self._waiting = [_config(job, first_number + n, settings) for n, job in enumerate(jobs)]

    def suggest(self, trial_id: str) -> Any:
        """Return the configuration of the next trial, or `Searcher.FINISHED`."""
        return self._waiting.pop(0) if self._waiting else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Do nothing: the next job does not depend on results."""


class MethodsSearcher(_StatelessSearcher):
    """Asks the methods for a configuration in turn, so that all have the same budget at any time.

    If the methods share their trials, a sampler over the methods chooses which one is next.

    Args:
        methods: For each method, the object that chooses its configurations.
        n_trials: Trials of each method, including those of earlier runs of the search. If the methods share their
            trials, the mean over the methods.
        jobs: Makes jobs of configurations.
        settings: What all trials share.
        records: Trials of earlier runs. Interrupted ones are continued before new ones begin.
        values: For the key of each record, what Ray Tune maximises by epoch, for the epochs at which it is known.
    """

    def __init__(
        self,
        methods: Mapping[str, MethodSearch],
        n_trials: int,
        jobs: Jobs,
        settings: TrialSettings,
        records: Sequence[TrialRecord] = (),
        values: Mapping[str, Mapping[int, float]] | None = None,
    ) -> None:
        super().__init__(metric=OBJECTIVE, mode="max")
        self._methods, self._n_trials, self._jobs, self._settings = dict(methods), n_trials, jobs, settings
        self._spaces = {space.method: space for space in jobs.request.spaces}
        self._started = dict.fromkeys(methods, 0)
        self._closed: set[str] = set()
        self._method_sampler = MethodSampler(list(methods), jobs.request.seed) if jobs.request.share_trials else None
        self._method_of: dict[str, str] = {}
        self._point_of: dict[str, Mapping[str, Any]] = {}
        self._next_number = 1 + max((record.number for record in records), default=-1)
        for record in records:
            self._methods[record.method].restore(record, (values or {}).get(record.key, {}))
            self._started[record.method] += 1
        self._interrupted = [record for record in records if record.outcome == "running"]
        self._early_stopping = EarlyStopping(jobs.request, jobs.directory) if jobs.request.stop_early else None
        for record in records:
            self._update(record.method, record.params, record.outcome, (values or {}).get(record.key, {}))

    def suggest(self, trial_id: str) -> Any:
        """Return the configuration of the next trial, or `Searcher.FINISHED`."""
        if self._interrupted:
            record = self._interrupted.pop(0)
            self._methods[record.method].resume(record.key, trial_id)
            self._method_of[trial_id], self._point_of[trial_id] = record.method, record.params
            return _config(self._jobs.of_record(record), record.number, self._settings)
        while (name := self._next_method()) is not None:
            if self._early_stopping is not None and self._early_stopping.is_enough(name):
                self._closed.add(name)
                continue
            point = self._methods[name].next_point(trial_id)
            if point is None:  # its space is exhausted
                self._closed.add(name)
                continue
            self._started[name] += 1
            self._method_of[trial_id], self._point_of[trial_id] = name, point
            self._next_number += 1
            job = self._jobs.search(self._spaces[name].configuration(point))
            return _config(job, self._next_number - 1, self._settings)
        return Searcher.FINISHED

    def _next_method(self) -> str | None:
        """Return the method of the next trial; None if all trials of the search have begun."""
        left = [name for name in self._started if name not in self._closed]
        if self._method_sampler is None:
            left = [name for name in left if self._started[name] < self._n_trials]
            return min(left, key=lambda name: self._started[name], default=None)
        if not left or sum(self._started.values()) >= self._n_trials * len(self._started):
            return None
        return self._method_sampler.choose(self._started, left)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Called after every epoch of a trial, except the epoch at which Ray Tune stops it."""
        self._methods[self._method_of[trial_id]].on_trial_result(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Called when a trial ends, with its last result."""
        method = self._method_of[trial_id]
        self._methods[method].on_trial_complete(trial_id, result, error)
        if result is not None and not error:
            self._update(
                method,
                self._point_of[trial_id],
                result.get(OUTCOME, "pruned"),
                {result[TRAINING_ITERATION]: result[OBJECTIVE]},
            )

    def _update(self, method: str, point: Mapping[str, Any], outcome: str | None, values: Mapping[int, float]) -> None:
        if self._method_sampler is not None:
            self._method_sampler.update(method, outcome, values)
        if self._early_stopping is not None and outcome == "completed" and values:
            self._early_stopping.update(method, point, values[max(values)])


def _config(job: "TrialJob", number: int, settings: TrialSettings) -> dict[str, Any]:
    return {"trial": TrialConfig(job=job.model_dump(mode="json"), number=number, settings=settings).model_dump()}


class EarlyStopping:
    """Decides before each trial whether a method needs more trials.

    Args:
        request: The search.
        directory: Its folder, where the reason for each stopped method is kept.
    """

    def __init__(self, request: Request, directory: Path) -> None:
        self._spaces = {space.method: space for space in request.spaces}
        self._seed, self._noise = request.seed, request.primary_objective.noise
        self._stopped = StoppedMethods(directory)
        self._completed: dict[str, tuple[list[Mapping[str, Any]], list[float]]] = {
            name: ([], []) for name in self._spaces
        }
        self._n_judged = dict.fromkeys(self._spaces, 0)

    def update(self, method: str, point: Mapping[str, Any], value: float) -> None:
        """Add a completed trial.

        Args:
            method: Its method.
            point: Its hyperparameters.
            value: Its objective times the objective's sign, so that more is better.
        """
        points, values = self._completed[method]
        points.append(point)
        values.append(value)

    def is_enough(self, method: str) -> bool:
        """Return whether a method needs no more trials. If so, write the reason to the search's folder."""
        if method in self._stopped.read():
            return True
        points, values = self._completed[method]
        if not self._spaces[method].searched or len(points) == self._n_judged[method]:
            return False
        self._n_judged[method] = len(points)
        found = expected_regret(self._spaces[method], points, values, self._noise, self._seed)
        if found is None or not found.is_enough:
            return False
        self._stopped.add(method, found.sentence)
        return True
