"""What floors are computed with on a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cellbench.errors import DataError
from cellbench.floors.base import FLOORS, CellRadius, Floor, FloorContext, FloorMask, UnavailableFloorError

if TYPE_CHECKING:
    from cellbench.patches.patchset import PatchSet
    from cellbench.training.configuration import TrainingSettings


def cell_radius(patch_set: PatchSet) -> CellRadius:
    """Return the typical radius of the cells: that of the card, otherwise the estimate from the patches.

    The estimate is that of `--method mask_auto`. It uses neither labels nor the holdout, and takes about a second.

    Args:
        patch_set: The data set.
    """
    from cellbench.radius import estimate_radius

    card = patch_set.card
    if card.cell_radius_px is not None:
        return CellRadius(card.cell_radius_px, card.cell_radius_source or "annotated")
    try:
        found = estimate_radius(patch_set)
    except DataError as error:
        return CellRadius(None, str(error).rstrip("."))
    if not found.is_found:
        return CellRadius(None, found.doubts[0].rstrip("."))
    return CellRadius(found.radius_px, "estimated")


def floor_context(
    patch_set: PatchSet,
    settings: TrainingSettings,
    seeds: Sequence[int],
    mask: FloorMask | None = None,
    device: str = "cpu",
) -> FloorContext:
    """Return what floors are computed with on a data set.

    Args:
        patch_set: The data set.
        settings: Settings of the search.
        seeds: Seeds of the floors that are random.
        mask: Mask or crop; None where no method has one.
        device: Device that embeds.
    """
    return FloorContext(patch_set.card.native_size, settings, tuple(seeds), cell_radius(patch_set), mask, device)


def available_floors(names: Sequence[str], context: FloorContext) -> tuple[dict[str, Floor], list[str]]:
    """Return the floors that can be computed, by name, and for each of the others the sentence that says why not.

    Args:
        names: Names in `FLOORS`.
        context: What floors are computed with.

    Raises:
        NotFoundError: A name is unknown.
    """
    found: dict[str, Floor] = {}
    reasons = []
    for name in names:
        try:
            found[name] = FLOORS.get(name)(context)
        except UnavailableFloorError as error:
            reasons.append(str(error))
    return found, reasons
