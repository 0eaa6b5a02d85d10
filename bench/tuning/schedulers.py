"""ASHA for several methods at once: a trial is compared with trials of its own method only."""

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from ray.tune.result import TRAINING_ITERATION
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from bench.record.trial import TrialRecord
from bench.tuning.config import OBJECTIVE, TrialConfig


class MethodsAsha(FIFOScheduler):
    """One asynchronous successive halving (Li et al., 2018) for each method.

    Args:
        methods: Names of the methods.
        epochs: Epochs of a full training.
        rungs: Epochs at which trials are compared; at least one.
        reduction: The best trial in so many goes on from a rung.
        keep: So many of a method's trials, the best yet at the rung, go on all the same. A search that wants several
            finalists keeps as many; with few trials ASHA alone often lets a single one reach the end.
    """

    def __init__(
        self, methods: Iterable[str], epochs: int, rungs: Sequence[int], reduction: int, keep: int = 1
    ) -> None:
        super().__init__()
        self._metric, self._mode = OBJECTIVE, "max"
        self._rungs = tuple(rungs)
        self._keep = keep
        self._reached: dict[tuple[str, int], dict[str, float]] = {}
        self._asha = {
            method: AsyncHyperBandScheduler(
                time_attr=TRAINING_ITERATION,
                metric=OBJECTIVE,
                mode="max",
                max_t=epochs,
                grace_period=rungs[0],
                reduction_factor=reduction,
            )
            for method in methods
        }

    def recall(self, records: Iterable[TrialRecord], goals: Mapping[str, Mapping[int, float]]) -> None:
        """Take on the trials of an earlier run of the search.

        Args:
            records: The trials.
            goals: For the key of each, its goal at each epoch at which it was known.
        """
        for record in records:
            trial = SimpleNamespace(trial_id=record.key)
            self._asha[record.method].on_trial_add(None, trial)
            for epoch in self._rungs:
                if epoch in goals.get(record.key, {}):
                    result = {TRAINING_ITERATION: epoch, OBJECTIVE: goals[record.key][epoch]}
                    self._decide(record.method, None, trial, result)

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Refuse another metric: it is set already."""
        return metric is None and mode is None

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Pass it on to the method's ASHA."""
        self._of(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Stop a trial at a rung that it does not pass; between rungs it goes on."""
        if result[TRAINING_ITERATION] not in self._rungs or result.get("done"):
            return str(TrialScheduler.CONTINUE)
        return self._decide(self._method_of(trial), tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Forget a trial that ended; what it had at rungs stays."""
        self._of(trial).on_trial_remove(tune_controller, trial)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Pass it on to the method's ASHA."""
        self._of(trial).on_trial_remove(tune_controller, trial)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Forget a trial whose process died; it is added again when it is tried again."""
        self._of(trial).on_trial_remove(tune_controller, trial)

    def debug_string(self) -> str:
        """Return the state of each method's rungs."""
        return "\n".join(f"{method}: {asha.debug_string()}" for method, asha in self._asha.items())

    def _decide(self, method: str, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        reached = self._reached.setdefault((method, result[TRAINING_ITERATION]), {})
        n_better = sum(objective > result[OBJECTIVE] for key, objective in reached.items() if key != trial.trial_id)
        reached[trial.trial_id] = result[OBJECTIVE]
        action = str(self._asha[method].on_trial_result(tune_controller, trial, result))
        return str(TrialScheduler.CONTINUE) if n_better < self._keep else action

    def _method_of(self, trial: Any) -> str:
        return TrialConfig.model_validate(trial.config["trial"]).method

    def _of(self, trial: Any) -> AsyncHyperBandScheduler:
        return self._asha[self._method_of(trial)]
