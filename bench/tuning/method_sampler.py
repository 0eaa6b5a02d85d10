"""Choose the method of the next trial, where several methods share their trials."""

from collections.abc import Collection, Mapping, Sequence

import optuna
from optuna.trial import TrialState, create_trial

from bench.space.samplers import build_sampler
from bench.tuning.samplers import mixed

EACH_FIRST = 3
"""Trials that each method gets before any method is preferred: about as many as the paper has points for each."""
MAX_ASKED = 20
"""Suggestions of methods that have nothing left to try, before the method with the fewest trials is chosen."""


class MethodSampler:
    """A tree-structured Parzen estimator over the methods.

    Within a method its own sampler chooses. Together they search a conditional space over all methods: a hyperparameter
    exists only if its method was chosen, and no two methods share one.

    Args:
        methods: Names of the methods.
        seed: Seed of the estimator.
    """

    def __init__(self, methods: Sequence[str], seed: int) -> None:
        self._methods, self._seed = tuple(methods), seed
        self._distribution = optuna.distributions.CategoricalDistribution(self._methods)
        self._study = optuna.create_study(direction="maximize")

    def update(self, method: str, outcome: str | None, values: Mapping[int, float]) -> None:
        """Add a trial that ended. Failed trials and trials without a value are ignored.

        Args:
            method: Its method.
            outcome: `completed`, `pruned` or `failed`.
            values: What Ray Tune maximises, by epoch, for the epochs at which it is known.
        """
        state = {"completed": TrialState.COMPLETE, "pruned": TrialState.PRUNED}.get(outcome or "")
        if state is None or not values:
            return
        self._study.add_trial(
            create_trial(
                state=state,
                value=values[max(values)],
                params={"method": method},
                distributions={"method": self._distribution},
                intermediate_values=dict(values) if state == TrialState.PRUNED else {},
            )
        )

    def choose(self, started: Mapping[str, int], available: Collection[str]) -> str:
        """Return the method of the next trial.

        Args:
            started: Number of trials that each method has begun.
            available: Methods with something left to try, at least one.
        """
        fewest = min(available, key=lambda method: (started[method], self._methods.index(method)))
        if started[fewest] < EACH_FIRST:
            return fewest
        seed = mixed([self._seed, sum(started.values())])
        self._study.sampler = build_sampler("tpe", seed, 1)
        asked = []
        try:
            for _ in range(MAX_ASKED):
                asked.append(self._study.ask({"method": self._distribution}))
                found = str(asked[-1].params["method"])
                if found in available:
                    return found
            return fewest
        finally:
            # The study is kept. Its sampler ignores failed trials, so a question leaves no trace in later answers.
            for trial in asked:
                self._study.tell(trial, state=TrialState.FAIL)
