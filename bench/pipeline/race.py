"""The finalists' race: fold by fold, and whoever is clearly behind gets no further fold."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.record.folder import SearchFolder
from bench.record.jobs import Jobs
from bench.record.request import SEARCH_FOLD
from bench.record.trial import TrialRecord
from bench.space.objectives import Objective
from bench.statistics.racing import clearly_behind, race_width
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
    """Train finalists fold by fold; return how many trainings were spared.

    Who is dropped follows from the search folder alone, so a race that was interrupted goes on as if it had not been. A
    finalist that failed on a fold cannot win and gets no further one either. Methods are raced apart, at the same time.

    Args:
        candidates: The finalists of each method.
        at_once: Trainings at once.
        jobs: Makes the jobs of the search.
        folder: The search's folder.
        train: Trains what of some jobs is left to do; the number is how many jobs of the stage were before them.
        remark: Hears of the last training of a finalist that was dropped, with the reason in its record.
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
        heat = [job for fold in now for job in jobs.on_fold(running, fold)]
        train(heat, n_begun)
        n_begun += len(heat)
        if not folds:
            break
        # Resumed, the search folder holds later heats already, which were not known when this one was judged.
        records = [record for record in jobs.request.judged(folder.records()) if record.fold in known]
        for method, started in candidates.items():
            dropped = _dropped(records, left[method], len(started), objective)
            for each, reason in dropped.items():
                _write_down(folder, records, each, now[-1], reason, remark)
            n_spared += len(folds) * sum(reason is not None for reason in dropped.values())
            left[method] = [configuration for configuration in left[method] if configuration.id not in dropped]
    return n_spared


def _dropped(
    records: Sequence[TrialRecord], left: Sequence[Configuration], n_started: int, objective: Objective
) -> dict[str, str | None]:
    """Return who gets no further fold and why; no reason for one that failed, whose record says it."""
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
