"""Pareto front of several objectives, and the winner among its members."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.record.summary import Member
from bench.record.trial import TrialRecord
from bench.space.objectives import Objective
from bench.statistics.racing import pooled_variance

if TYPE_CHECKING:
    from bench.statistics.selection import Standing


def members(records: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[Member]:
    """Return the completed trials of the search stage: members of the front first, by the first objective.

    Args:
        records: Trials of the search stage, of one method or of several. All are scored on the same fold.
        objectives: The objectives, the most important first.
    """
    done = [
        r for r in records if r.outcome == "completed" and all(objective.final in r.metrics for objective in objectives)
    ]
    if not done:
        return []
    signed = np.array(
        [[objective.sign * record.metrics[objective.final] for objective in objectives] for record in done]
    )
    flags = non_dominated(signed)
    order = sorted(range(len(done)), key=lambda i: (not flags[i], *-signed[i]))
    return [
        Member(
            method=done[i].method,
            configuration=done[i].configuration,
            params=done[i].params,
            values={objective.name: done[i].metrics[objective.final] for objective in objectives},
            on_front=bool(flags[i]),
        )
        for i in order
    ]


def front_winner(standings: "Sequence[Standing]", objectives: Sequence[Objective]) -> "Standing":
    """Return the winner among finalists.

    It is the best in the first objective, among equals the best in the second objective, and so on. Two finalists are
    equal if their means differ by no more than the standard error of such a difference. Its variance is pooled over
    finalists and folds, with a weak prior at the objective's expected noise.

    Args:
        standings: Finalists of one method, best first. Those without all folds cannot win.
        objectives: The objectives, the most important first.
    """
    if len(objectives) == 1:
        return standings[0]
    n_folds = max(len(standing.folds) for standing in standings)
    left = [standing for standing in standings if len(standing.folds) == n_folds]
    for objective in objectives:
        table = np.array(
            [[objective.sign * r.metrics.get(objective.final, objective.worst) for r in each.records] for each in left]
        )
        if table.size == 0:
            break
        means = table.mean(axis=1)
        allowed = np.sqrt(2 * pooled_variance(table, objective.noise) / n_folds)
        best = means.max()
        if objective is objectives[-1]:
            return left[int(means.argmax())]
        left = [standing for standing, value in zip(left, means, strict=True) if value >= best - allowed]
    return left[0]


def non_dominated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a flag for each row that no other row dominates.

    Args:
        values: Shape (n, objectives), more is better.

    Returns:
        Shape (n,).

    >>> non_dominated(np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.4, 0.4]])).tolist()
    [True, True, True, False]
    """
    as_good = np.all(values[None] >= values[:, None], axis=-1)
    better = np.any(values[None] > values[:, None], axis=-1)
    return np.asarray(~np.any(as_good & better, axis=1))
