"""Shows the floors that take seconds before anything is trained. They stay in the cache for the end of the search."""

from bench.home.paths import cache_dir
from bench.record.request import Request
from bench.terminal.console import say

FIRST = ("ring_profile", "pca")
"""Floors that take seconds and do not depend on the winner, in the order of their lines."""


def show_first_floors(request: Request) -> None:
    """Print the macro F1 of each of the first floors. One that cannot be computed is named at the end of the search.

    Args:
        request: The search.

    Raises:
        ChangedDataError: The data set is missing, damaged or changed.
    """
    from cellbench.floors import FLOORS, CachedFloor, available_floors, floor_context
    from cellbench.patches import DataGuard

    guard = DataGuard(request.dataset_identity, cache_dir())
    with guard.unchanged():
        context = floor_context(guard.patch_set, request.settings, request.final_seeds())
        floors, _ = available_floors([name for name in FIRST if name in FLOORS], context)
        for name, floor in floors.items():
            cached = CachedFloor(name, floor, guard.patch_set, context.seeds, cache_dir())
            say(f"Floor {name}, without training: macro F1 {cached.f1_macro(request.settings.probe):.3f}.")
