"""Several methods that share their trials: the method is one more thing to search, the first of a conditional space."""

from collections.abc import Collection, Mapping, Sequence

import optuna
from optuna.trial import TrialState, create_trial

from bench.tuning.samplers import make_sampler, mixed

EACH_FIRST = 3
"""Trials that every method gets, in turn, before any is preferred: about the paper's points of each."""
MAX_ASKED = 20
"""Suggestions of methods that have nothing left, after which the one with the fewest trials is taken."""


class SharedTrials:
    """Chooses the method of the next trial by a tree-structured Parzen estimator over what is known of each.

    Within a method its own sampler chooses, so that the two together search the conditional space of all methods:
    hyperparameters exist only where their method was chosen, and no two methods share one.

    Args:
        methods: Names of the methods.
        seed: Seed of the choice.
    """

    def __init__(self, methods: Sequence[str], seed: int) -> None:
        self._methods, self._seed = tuple(methods), seed
        self._distribution = optuna.distributions.CategoricalDistribution(self._methods)
        self._known: list[optuna.trial.FrozenTrial] = []

    def hear(self, method: str, outcome: str | None, goals: Mapping[int, float]) -> None:
        """Hear how a trial ended.

        Args:
            method: Its method.
            outcome: `completed`, `pruned` or `failed`.
            goals: Its goal at the epochs at which it was known, more is better.
        """
        state = {"completed": TrialState.COMPLETE, "pruned": TrialState.PRUNED}.get(outcome or "")
        if state is None or not goals:
            return
        self._known.append(
            create_trial(
                state=state,
                value=goals[max(goals)],
                params={"method": method},
                distributions={"method": self._distribution},
                intermediate_values=dict(goals) if state == TrialState.PRUNED else {},
            )
        )

    def choose(self, started: Mapping[str, int], open_ones: Collection[str]) -> str:
        """Return the method of the next trial.

        Args:
            started: Trials that were begun of each method.
            open_ones: Methods that have something left to try; at least one.
        """
        fewest = min(open_ones, key=lambda method: (started[method], self._methods.index(method)))
        if started[fewest] < EACH_FIRST:
            return fewest
        study = optuna.create_study(
            direction="maximize", sampler=make_sampler("tpe", mixed([self._seed, sum(started.values())]), 1)
        )
        study.add_trials(self._known)
        for _ in range(MAX_ASKED):
            found = str(study.ask({"method": self._distribution}).params["method"])
            if found in open_ones:
                return found
        return fewest
