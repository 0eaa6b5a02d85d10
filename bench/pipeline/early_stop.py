"""Early stopping of the stage `search`, when a further trial is not expected to improve the best one noticeably."""

from collections.abc import Sequence
from pathlib import Path

from bench.record.folder import StoppedMethods
from bench.record.request import Request
from bench.record.trial import TrialRecord
from bench.statistics.regret import expected_regret


def stop_reasons(request: Request, directory: Path, records: Sequence[TrialRecord]) -> list[str]:
    """Return one sentence per method: why its trials ended. The list is empty without --stop-early.

    Args:
        request: The request of the search.
        directory: The folder of the search.
        records: Trials of the stage `search`.
    """
    if not request.stop_early:
        return []
    stops, objective, found = StoppedMethods(directory).read(), request.primary_objective, []
    for space in request.spaces:
        own = [record for record in records if record.method == space.method]
        done = [record for record in own if record.outcome == "completed" and objective.final in record.metrics]
        if space.method in stops:
            found.append(f"The trials of {space.method} stopped early: {stops[space.method]}.")
        elif space.searched:
            values = [objective.sign * record.metrics[objective.final] for record in done]
            view = expected_regret(space, [record.params for record in done], values, objective.noise, request.seed)
            why = f"{len(done)} are completed, too few to estimate" if view is None else view.sentence
            found.append(f"The {len(own)} trials of {space.method} did not stop early: {why}.")
    return found


def trials_left(request: Request, directory: Path, records: Sequence[TrialRecord]) -> int:
    """Return the largest number of trials that the stage `search` still has to run or to resume.

    A method that was stopped early counts with its running trials only.

    Args:
        request: The request of the search.
        directory: The folder of the search.
        records: Trials of the stage `search`.
    """
    stops, left = StoppedMethods(directory).read(), 0
    if request.share_trials and len(stops) < len(request.spaces):  # the others get the trials that one leaves
        wanted = sum(request.n_tried(space) for space in request.spaces)
        return wanted - sum(record.outcome != "running" for record in records)
    for space in request.spaces:
        own = [record for record in records if record.method == space.method]
        n_wanted = len(own) if space.method in stops else request.n_tried(space)
        left += n_wanted - sum(record.outcome != "running" for record in own)
    return left
