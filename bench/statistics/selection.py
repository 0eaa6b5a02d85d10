"""Who goes on: finalists from the trials, a method's winner from its finalists, the winner of all from fresh seeds."""

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
    """What a configuration scored over folds.

    Attributes:
        configuration: The configuration.
        folds: Value of the objective on each fold that was completed.
        records: The completed trials, one a fold.
    """

    configuration: Configuration
    folds: dict[int, float]
    records: tuple[TrialRecord, ...]

    @property
    def mean(self) -> float:
        """Mean over folds."""
        return float(np.mean(list(self.folds.values())))


def finalists(
    records: Iterable[TrialRecord], method: str, objectives: Sequence[Objective], n: int
) -> list[Configuration]:
    """Return the best configurations of a method among its completed trials of the search stage.

    Of several objectives, the front's members are taken, the best in the first objective before the others.

    Args:
        records: Trials of the search stage.
        method: Name of the method.
        objectives: What decides.
        n: How many, at most.

    Raises:
        TrainingError: No trial of the method was completed; the message says why the first failed.
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
    """Return the best configurations whatever their method, by method; those without any are left out.

    Args:
        records: Trials of the search stage.
        methods: Names of the methods.
        objective: What decides.
        n: How many, at most.

    Raises:
        TrainingError: No trial was completed; the message says why the first failed.
    """
    done = _completed(records, (objective,))
    if not done:
        finalists(records, methods[0], (objective,), n)  # raises, and says why
    found: dict[str, list[Configuration]] = {}
    for record in done[:n]:
        found.setdefault(record.method, []).append(configuration_of(record))
    return found


def _completed(records: Iterable[TrialRecord], objectives: Sequence[Objective]) -> list[TrialRecord]:
    """Return the completed trials that have all objectives, the best in the first before the others."""
    done = [r for r in records if r.outcome == "completed" and all(each.final in r.metrics for each in objectives)]
    return sorted(done, key=lambda r: (-objectives[0].sign * r.metrics[objectives[0].final], r.number))


def standings(
    records: Iterable[TrialRecord], candidates: Sequence[Configuration], objective: Objective
) -> list[Standing]:
    """Return what each candidate scored over folds, the best first; one that failed on a fold comes last.

    Args:
        records: Trials of the stages `search` and `folds`.
        candidates: Configurations of one method.
        objective: What decides.
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
    """Return the macro F1 of each completed training from a fresh seed.

    Raises:
        TrainingError: None was completed.
    """
    own = [record for record in records if record.stage == stage and record.configuration == configuration.id]
    done = [record.metrics["probe/f1_macro"] for record in own if record.outcome == "completed"]
    if not done:
        why = f" The first failed: {own[0].reason}" if own else ""
        raise TrainingError(f"No training of the winner {configuration.id} from a fresh seed was completed.{why}")
    return done


def overall(winners: dict[str, Standing], fresh: dict[str, list[float]], objective: Objective) -> str:
    """Return the method that wins.

    F1 is compared over fresh seeds; other objectives need unseen patches, so they are compared over folds.

    Args:
        winners: Each method's best standing.
        fresh: Each method's macro F1 from fresh seeds.
        objective: What decides.
    """
    if objective.name == "f1":
        return max(winners, key=lambda method: float(np.mean(fresh[method])))
    return max(winners, key=lambda method: objective.sign * winners[method].mean)
