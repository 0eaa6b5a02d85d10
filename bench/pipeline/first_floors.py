"""Shows the floors that take seconds before anything is trained. They stay in the cache for the end of the search."""

from bench.home.paths import cache_dir
from bench.record.request import Request
from bench.terminal.console import say

MAX_TYPICAL_SECONDS = 2.0
"""Longest typical time of a floor that is shown first."""


def show_first_floors(request: Request) -> None:
    """Print the macro F1 of each of the first floors. One that cannot be computed is named at the end of the search.

    Args:
        request: The search.

    Raises:
        ChangedDataError: The data set is missing, damaged or changed.
    """
    from cellbench.floors import CachedFloor, available_floors, floor_context
    from cellbench.patches import DataGuard

    guard = DataGuard(request.dataset_identity, cache_dir())
    with guard.unchanged():
        context = floor_context(guard.patch_set, request.settings, request.final_seeds())
        floors, _ = available_floors(first_names(), context)
        for name, floor in floors.items():
            cached = CachedFloor(name, floor, guard.patch_set, context.seeds, cache_dir())
            say(f"Floor {name}, without training: macro F1 {cached.f1_macro(request.settings.probe):.3f}.")


def first_names() -> list[str]:
    """Return the floors that take seconds and do not depend on the winner, the quickest first."""
    from cellbench.floors import FLOORS

    kinds = {name: FLOORS.get(name) for name in FLOORS.names()}
    quick = [n for n, kind in kinds.items() if not kind.uses_mask and kind.typical_seconds <= MAX_TYPICAL_SECONDS]
    return sorted(quick, key=lambda name: kinds[name].typical_seconds)
