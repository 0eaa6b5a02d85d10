"""Select finalists among the trials, the winner of each method among its finalists, and the winner of all methods."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.record.jobs import configuration_of
from bench.record.trial import TrialRecord
from bench.space.objectives import Objective
from bench.statistics.pareto_front import non_dominated
from cellbench.errors import TrainingError
from cellbench.training.configuration import Configuration


@dataclass(frozen=True)
class Standing:
    """The scores of a configuration over folds.

    Attributes:
        configuration: The configuration.
        folds: The objective on each completed fold.
        records: The completed trials, one for each fold.
    """

    configuration: Configuration
    folds: dict[int, float]
    records: tuple[TrialRecord, ...]

    @property
    def mean(self) -> float:
        """Mean of the objective over the completed folds."""
        return float(np.mean(list(self.folds.values())))


def finalists(
    records: Iterable[TrialRecord], method: str, objectives: Sequence[Objective], n: int
) -> list[Configuration]:
    """Return the best configurations of a method among its completed trials of the search stage.

    With several objectives they are members of the Pareto front, the best in the first objective first.

    Args:
        records: Trials of the search stage.
        method: Name of the method.
        objectives: The objectives, the most important first.
        n: Largest number of configurations.

    Raises:
        TrainingError: No trial of the method was completed. The message says why the first one failed.
    """
    own = [record for record in records if record.method == method]
    done = _completed(own, objectives)
    if not done:
        failed = [record for record in own if record.outcome == "failed"]
        why = f"the first failed: {failed[0].reason}" if failed else "none had its full budget"
        raise TrainingError(f"None of the {len(own)} trials of {method} was completed; {why}")
    if len(objectives) > 1:
        signed = np.array([[each.sign * record.metrics[each.final] for each in objectives] for record in done])
        done = [record for record, flag in zip(done, non_dominated(signed), strict=True) if flag]
    return [configuration_of(record) for record in done[:n]]


def finalists_of_all(
    records: Sequence[TrialRecord], methods: Sequence[str], objective: Objective, n: int
) -> dict[str, list[Configuration]]:
    """Return the best configurations of all methods together, grouped by method. Methods without any are left out.

    Args:
        records: Trials of the search stage.
        methods: Names of the methods.
        objective: The objective.
        n: Largest number of configurations.

    Raises:
        TrainingError: No trial was completed. The message says why the first one failed.
    """
    done = _completed(records, (objective,))
    if not done:
        finalists(records, methods[0], (objective,), n)  # raises, with the reason
    found: dict[str, list[Configuration]] = {}
    for record in done[:n]:
        found.setdefault(record.method, []).append(configuration_of(record))
    return found


def _completed(records: Iterable[TrialRecord], objectives: Sequence[Objective]) -> list[TrialRecord]:
    """Return the completed trials that have all objectives, the best in the first objective first."""
    done = [r for r in records if r.outcome == "completed" and all(each.final in r.metrics for each in objectives)]
    return sorted(done, key=lambda r: (-objectives[0].sign * r.metrics[objectives[0].final], r.number))


def standings(
    records: Iterable[TrialRecord], candidates: Sequence[Configuration], objective: Objective
) -> list[Standing]:
    """Return the scores of each candidate over folds, the best first. Candidates that failed on a fold come last.

    Args:
        records: Trials of the stages `search` and `folds`.
        candidates: Configurations of one method.
        objective: The objective.
    """
    done = [record for record in records if record.outcome == "completed" and record.stage in ("search", "folds")]
    found = []
    for candidate in candidates:
        own = {
            r.fold: r
            for r in done
            if r.configuration == candidate.id and r.fold is not None and objective.final in r.metrics
        }
        folds = {fold: record.metrics[objective.final] for fold, record in sorted(own.items())}
        found.append(Standing(candidate, folds, tuple(own[fold] for fold in folds)))
    complete = max((len(standing.folds) for standing in found), default=0)
    return sorted(found, key=lambda standing: (len(standing.folds) < complete, -objective.sign * standing.mean))


def fresh_scores(records: Iterable[TrialRecord], configuration: Configuration, stage: str = "final") -> list[float]:
    """Return the macro F1 (0–1) of each completed training from a fresh seed.

    Raises:
        TrainingError: No such training was completed. The message says why the first one failed.
    """
    own = [record for record in records if record.stage == stage and record.configuration == configuration.id]
    done = [record.metrics["probe/f1_macro"] for record in own if record.outcome == "completed"]
    if not done:
        why = f" The first failed: {own[0].reason}" if own else ""
        raise TrainingError(f"No training of the winner {configuration.id} from a fresh seed was completed.{why}")
    return done


def overall(winners: dict[str, Standing], fresh: dict[str, list[float]], objective: Objective) -> str:
    """Return the method that wins.

    Methods are compared by macro F1 over fresh seeds, or by the objective over folds: see `Objective.decided_on`.

    Args:
        winners: Best standing of each method.
        fresh: Macro F1 of each method from fresh seeds.
        objective: The objective.
    """
    if objective.decided_on == "fresh_seeds":
        return max(winners, key=lambda method: float(np.mean(fresh[method])))
    return max(winners, key=lambda method: objective.sign * winners[method].mean)
