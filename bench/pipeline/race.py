"""Racing of the finalists: they are trained fold by fold, and a clearly worse one is dropped before the next fold."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.record.folder import SearchFolder
from bench.record.jobs import Jobs
from bench.record.request import SEARCH_FOLD
from bench.record.trial import TrialRecord
from bench.space.objectives import Objective
from bench.statistics.racing import clearly_behind
from bench.statistics.selection import standings
from cellbench.training.configuration import Configuration

if TYPE_CHECKING:
    from cellbench.trials.job import TrialJob


def run_race(
    candidates: Mapping[str, Sequence[Configuration]],
    at_once: int,
    jobs: Jobs,
    folder: SearchFolder,
    train: Callable[[Sequence["TrialJob"], int], None],
    remark: Callable[[TrialRecord], None],
) -> int:
    """Train the finalists fold by fold, and return how many trainings the race saved.

    Which finalists are dropped depends on the search folder alone. An interrupted race therefore continues with the
    same decisions. A finalist that failed on a fold cannot win and is dropped too. Each method has its own race; the
    races run at the same time.

    Args:
        candidates: The finalists of each method.
        at_once: Number of trainings at once.
        jobs: Makes the jobs of the search.
        folder: The folder of the search.
        train: Trains those jobs that are not done; the number is how many jobs of the stage precede them.
        remark: Called with the last record of a dropped finalist, which then has the reason.
    """
    objective = jobs.request.primary_objective
    left = {method: list(each) for method, each in candidates.items()}
    n_begun = n_spared = 0
    folds, known = jobs.request.further_folds, [] if jobs.request.is_screened else [SEARCH_FOLD]
    while folds:
        running = [configuration for each in left.values() for configuration in each]
        n_now = race_width(len(running), at_once)
        now, folds = folds[:n_now], folds[n_now:]
        known += now
        trainings = [job for fold in now for job in jobs.on_fold(running, fold)]
        train(trainings, n_begun)
        n_begun += len(trainings)
        if not folds:
            break
        # When a search is resumed, the folder has later rounds, which were not known when this round was judged.
        records = [record for record in jobs.request.judged(folder.records()) if record.fold in known]
        for method, started in candidates.items():
            dropped = _dropped(records, left[method], len(started), objective)
            for each, reason in dropped.items():
                _write_down(folder, records, each, now[-1], reason, remark)
            n_spared += len(folds) * sum(reason is not None for reason in dropped.values())
            left[method] = [configuration for configuration in left[method] if configuration.id not in dropped]
    return n_spared


def race_width(n_finalists: int, at_once: int) -> int:
    """Return over how many folds finalists are trained at the same time: several only if slots would be idle otherwise.

    >>> race_width(3, 1), race_width(3, 2), race_width(3, 8), race_width(3, 64)
    (1, 1, 2, 21)
    """
    return max(1, at_once // max(1, n_finalists))


def race_rounds(n_finalists: int, n_folds: int, at_once: int) -> list[int]:
    """Return the number of trainings in each round of a race in which no finalist is dropped.

    >>> race_rounds(3, 4, 1), race_rounds(3, 4, 8), race_rounds(3, 4, 64)
    ([3, 3, 3, 3], [6, 6], [12])
    """
    width = race_width(n_finalists, at_once)
    return [n_finalists * min(width, n_folds - start) for start in range(0, n_folds, width)]


def _dropped(
    records: Sequence[TrialRecord], left: Sequence[Configuration], n_started: int, objective: Objective
) -> dict[str, str | None]:
    """Return the reason for each dropped configuration; None for one that failed, because its record has the reason."""
    found = standings(records, left, objective)
    n_folds = max((len(standing.folds) for standing in found), default=0)
    whole = [standing for standing in found if len(standing.folds) == n_folds]
    failed = {standing.configuration.id: None for standing in found if len(standing.folds) < n_folds}
    scores = {
        standing.configuration.id: {fold: objective.sign * value for fold, value in standing.folds.items()}
        for standing in whole
    }
    return failed | {each.name: each.reason for each in clearly_behind(scores, n_started, objective.noise)}


def _write_down(
    folder: SearchFolder,
    records: Sequence[TrialRecord],
    configuration: str,
    fold: int,
    reason: str | None,
    remark: Callable[[TrialRecord], None],
) -> None:
    last = next(
        (r for r in records if r.stage == "folds" and r.configuration == configuration and r.fold == fold), None
    )
    if last is not None and reason is not None and last.reason is None:
        last.reason = reason
        folder.write(last)
        remark(last)
