"""The mask or crop that the floors of a search see patches through."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.record.trial import TrialRecord
from cellbench.training.configuration import Configuration

if TYPE_CHECKING:
    from cellbench.floors import FloorMask


def floor_mask(configurations: Sequence[Configuration], finals: Sequence[TrialRecord]) -> "FloorMask | None":
    """Return the first configuration that masks, crops or hides, with the mean radius that its trainings learned.

    Args:
        configurations: Best configuration of each method: the winner's, then by falling score.
        finals: Trainings from fresh seeds.

    Returns:
        The mask; None where no method has one. Its radius is None where the mask has no radius.
    """
    from cellbench.floors import FloorMask

    chosen = next((each for each in configurations if _has_mask(each.method)), None)
    if chosen is None:
        return None
    own = [r for r in finals if r.configuration == chosen.id and r.outcome == "completed"]
    radii = [record.metrics["radius/r_max"] for record in own if "radius/r_max" in record.metrics]
    return FloorMask(chosen, sum(radii) / len(radii) if radii else None)


def _has_mask(method: str) -> bool:
    from cellbench.suppression import SUPPRESSIONS, Suppression

    kind = SUPPRESSIONS.get(method)
    return kind.weights is not Suppression.weights or kind.fraction < 1 or kind.hides_input
