"""ASHA for several methods at once: each trial is compared with trials of its own method only."""

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from ray.tune.result import TRAINING_ITERATION
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from bench.record.trial import TrialRecord
from bench.tuning.config import OBJECTIVE, TrialConfig


class MethodsAsha(FIFOScheduler):
    """One asynchronous successive halving (Li et al., 2018) for each method.

    It is kept in place of Optuna's `SuccessiveHalvingPruner`, which has no `keep`. On 200 simulated searches with the
    settings of the `cpu` profile (6 trials, 2 finalists), two trials reached the end in 100 % of the searches, against
    87 %. The best finalist was 0.0008 below the best trial, against 0.0019, for 77 % of the epochs, against 61 %. With
    the 40 trials of the `gpu` profile the difference is small: 0.0013 against 0.0016 (tests/bench/tuning/
    test_schedulers.py repeats the first comparison).

    Args:
        methods: Names of the methods.
        epochs: Epochs of a full training.
        rungs: Epochs at which trials are compared, at least one.
        reduction: One trial in this many continues after a rung.
        keep: A trial also continues if it is among this many best trials of its method at the rung so far. A search
            for several finalists needs several trials that reach the last epoch; ASHA alone often leaves only one.
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

    def restore(self, records: Iterable[TrialRecord], values: Mapping[str, Mapping[int, float]]) -> None:
        """Add the trials of an earlier run of the search.

        Args:
            records: The trials, in the order in which they began.
            values: For the key of each record, what Ray Tune maximises by epoch, for the epochs at which it is known.
        """
        for record in records:
            trial = SimpleNamespace(trial_id=record.key)
            self._asha[record.method].on_trial_add(None, trial)
            for epoch in self._rungs:
                if epoch in values.get(record.key, {}):
                    result = {TRAINING_ITERATION: epoch, OBJECTIVE: values[record.key][epoch]}
                    self._decide(record.method, None, trial, result)

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Return whether the metric and mode of Ray Tune are accepted: only if both are None, as they are set here."""
        return metric is None and mode is None

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Called when a trial is added."""
        self._of(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Return whether a trial continues. It can stop only at a rung."""
        if result[TRAINING_ITERATION] not in self._rungs or result.get("done"):
            return str(TrialScheduler.CONTINUE)
        return self._decide(self._method_of(trial), tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Called when a trial ends. Its values at the rungs are kept."""
        self._of(trial).on_trial_remove(tune_controller, trial)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Called when a trial is removed."""
        self._of(trial).on_trial_remove(tune_controller, trial)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Called when the process of a trial died. Ray Tune adds the trial again when it retries it."""
        self._of(trial).on_trial_remove(tune_controller, trial)

    def debug_string(self) -> str:
        """Return the state of each method's rungs."""
        return "\n".join(f"{method}: {asha.debug_string()}" for method, asha in self._asha.items())

    def _decide(self, method: str, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        reached = self._reached.setdefault((method, result[TRAINING_ITERATION]), {})
        n_better = sum(value > result[OBJECTIVE] for key, value in reached.items() if key != trial.trial_id)
        reached[trial.trial_id] = result[OBJECTIVE]
        action = str(self._asha[method].on_trial_result(tune_controller, trial, result))
        return str(TrialScheduler.CONTINUE) if n_better < self._keep else action

    def _method_of(self, trial: Any) -> str:
        return TrialConfig.model_validate(trial.config["trial"]).method

    def _of(self, trial: Any) -> AsyncHyperBandScheduler:
        return self._asha[self._method_of(trial)]
