"""How long a search takes for a number of trials at once, by simulation."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from bench.record.profiles import Profile, rungs
from bench.space.samplers import SAMPLERS
from bench.statistics.racing import race_rounds

FINAL_SHARE = 5 / 4
"""Patches of a final training, which uses the whole pool, divided by those of a trial, which uses four fifths."""


@dataclass(frozen=True)
class Costs:
    """The cost of one training of the search stage.

    Attributes:
        epoch_s: Duration of an epoch, s.
        scoring_s: Duration of the scores at its end, s.
        epochs: Number of epochs of a full training.
    """

    epoch_s: float
    scoring_s: float
    epochs: int

    @property
    def full_s(self) -> float:
        """Duration of a full training, s."""
        return self.epochs * self.epoch_s + self.scoring_s


@dataclass(frozen=True)
class Forecast:
    """The duration of a search with a number of trials at once.

    Attributes:
        at_once: Trials at once.
        stages: Durations of the stages search, folds and final, s. They follow one another.
        work_s: Duration of all trainings one after another, s.
    """

    at_once: int
    stages: tuple[float, float, float]
    work_s: float

    @property
    def seconds(self) -> float:
        """Duration of the whole search, s."""
        return sum(self.stages)

    @property
    def busy(self) -> float:
        """Share of the time of all slots in which a trial trains, 0 to 1."""
        return self.work_s / (self.at_once * self.seconds)


def forecast(
    chosen: Profile,
    costs: Costs,
    at_once: int,
    n_methods: int = 1,
    oracle: bool = True,
    n_tried: Sequence[int] | None = None,
) -> Forecast:
    """Return the duration of a search, from a simulation.

    A stage starts when the one before has ended. Within a stage, a free slot takes the next trial. No finalist is
    dropped from the race over folds.

    Args:
        chosen: Profile, which has the numbers of trials, finalists, folds, seeds and rungs.
        costs: Cost of a training. Floors are left out.
        at_once: Number of trials at once.
        n_methods: Number of methods.
        oracle: Whether the ceiling is trained.
        n_tried: Number of trials of each method, `n_methods` numbers; None for those of the profile.
    """
    trials = [chosen.n_trials] * n_methods if n_tried is None else n_tried
    search, work = _search_stage(chosen, costs, at_once, trials)
    races = race_rounds(sum(min(chosen.n_finalists, n) for n in trials), chosen.n_folds - 1, at_once)
    final_s = FINAL_SHARE * costs.epochs * costs.epoch_s + costs.scoring_s
    final = [final_s] * (n_methods * chosen.n_seeds)
    after = [final_s] if oracle else []
    if n_methods == 1:  # the method of the winner is known, so the ceiling does not wait
        final, after = final + after, []
    lengths = search, sum(_makespan([costs.full_s] * n, at_once) for n in races), _makespan(final, at_once) + sum(after)
    return Forecast(at_once, lengths, work + costs.full_s * sum(races) + sum(final) + sum(after))


def _makespan(lengths: Sequence[float], at_once: int) -> float:
    free = [0.0] * at_once
    for length in lengths:
        heapq.heapreplace(free, free[0] + length)
    return max(free)


def _search_stage(chosen: Profile, costs: Costs, at_once: int, n_tried: Sequence[int]) -> tuple[float, float]:
    """Return the duration of the search stage and of its trainings one after another, s.

    Trials have random values of the objective, and the rule of ASHA decides which of them continue at a rung.
    """
    import numpy as np

    method_of = [method for number in range(max(n_tried)) for method, n in enumerate(n_tried) if number < n]
    objectives = np.random.default_rng(0).random(len(method_of))
    is_whole = SAMPLERS.get(chosen.sampler).is_exhaustive  # every point of a grid is trained to its end
    stops = () if is_whole else rungs(costs.epochs, chosen.reduction, chosen.n_rungs)
    kept = chosen.n_finalists if chosen.n_folds > 1 else 1
    seen: dict[tuple[int, int], list[float]] = {}
    waiting = list(range(len(objectives)))[::-1]
    events: list[tuple[float, int, int]] = []  # end of the epochs, trial, epoch

    def run_on(now: float, trial: int, epoch: int) -> None:
        following = next((stop for stop in stops if stop > epoch), costs.epochs)
        end = now + (following - epoch) * costs.epoch_s + (costs.scoring_s if following == costs.epochs else 0)
        heapq.heappush(events, (end, trial, following))

    work = end = 0.0
    for _ in range(min(at_once, len(objectives))):
        run_on(0.0, waiting.pop(), 0)
    while events:
        end, trial, epoch = heapq.heappop(events)
        if epoch < costs.epochs:
            others = seen.setdefault((method_of[trial], epoch), [])
            among_best = sum(objective > objectives[trial] for objective in others) < kept
            passes = among_best or objectives[trial] >= np.quantile(others, 1 - 1 / chosen.reduction)
            others.append(float(objectives[trial]))
            if passes:
                run_on(end, trial, epoch)
                continue
        work += epoch * costs.epoch_s + (costs.scoring_s if epoch == costs.epochs else 0)
        if waiting:
            run_on(end, waiting.pop(), 0)
    return end, work
