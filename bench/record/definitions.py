"""Metrics whose definition has changed, so that values of searches begun before are not mixed with new ones."""

from collections.abc import Iterable

from bench.record.request import Request
from bench.record.trial import TrialRecord
from cellbench.errors import SettingError

CAME_WITH = {"val/l1_core": "val/l1_core_native"}
"""A metric, and one that is recorded beside it since it has its present definition."""


def check_definitions(request: Request, records: Iterable[TrialRecord]) -> None:
    """Check that the trials of a search measured its objectives by their present definitions.

    Args:
        request: The request of the search.
        records: Records of its trials.

    Raises:
        SettingError: An objective has another definition than when the search was begun.
    """
    wanted = {name for each in request.objectives for name in (each.rung, each.final) if name in CAME_WITH}
    for record in records:
        for name in wanted:
            if name in record.metrics and CAME_WITH[name] not in record.metrics:
                raise SettingError(
                    f"The search {request.name} was begun when {name} had another definition, so its trials cannot be "
                    f"compared with new ones. Start a new search; python -m bench.results {request.name} still lists "
                    "this one."
                )
