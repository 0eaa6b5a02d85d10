"""When a search ends by itself: when the best that is still to be found is not worth a further trial."""

from collections.abc import Sequence
from pathlib import Path

from bench.record.folder import StoppedMethods
from bench.record.request import Request
from bench.record.trial import TrialRecord
from bench.statistics.regret import expected_regret


def stop_reasons(request: Request, directory: Path, records: Sequence[TrialRecord]) -> list[str]:
    """Return why each method's trials ended, in words; nothing where they were not asked to end early.

    Args:
        request: The search.
        directory: Its folder.
        records: Trials of its search stage.
    """
    if not request.stop_early:
        return []
    stops, objective, found = StoppedMethods(directory).read(), request.primary_objective, []
    for space in request.spaces:
        own = [record for record in records if record.method == space.method]
        done = [record for record in own if record.outcome == "completed" and objective.final in record.metrics]
        if space.method in stops:
            found.append(f"Trying {space.method} ended by itself: {stops[space.method]}.")
        elif space.searched:
            values = [objective.sign * record.metrics[objective.final] for record in done]
            view = expected_regret(space, [record.params for record in done], values, objective.noise, request.seed)
            why = f"only {len(done)} completed, too few to say" if view is None else view.sentence
            found.append(f"Trying {space.method} did not end by itself before {len(own)} trials: {why}.")
    return found


def trials_left(request: Request, directory: Path, records: Sequence[TrialRecord]) -> int:
    """Return how many trials of the search stage are still to be ended, at most; none of a method that was ended.

    Args:
        request: The search.
        directory: Its folder.
        records: Trials of its search stage.
    """
    stops, left = StoppedMethods(directory).read(), 0
    if request.share_trials and len(stops) < len(request.spaces):  # what one method leaves, others get
        wanted = sum(request.n_tried(space) for space in request.spaces)
        return wanted - sum(record.outcome != "running" for record in records)
    for space in request.spaces:
        own = [record for record in records if record.method == space.method]
        n_wanted = len(own) if space.method in stops else request.n_tried(space)
        left += n_wanted - sum(record.outcome != "running" for record in own)
    return left
