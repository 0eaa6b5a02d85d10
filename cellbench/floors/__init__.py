"""Floors: representations that need neither labels nor gradients, one file each, cached for each data set.

A method is useful only where it scores higher than every floor. A new file in this folder is imported without an edit
here. `FLOORS` lists the floors by name. The modules import torch and scikit-learn only where they compute, because
programs list floors in their messages.
"""

from pathlib import Path

from cellbench.floors.base import (
    FLOORS,
    CellRadius,
    FittedFloor,
    Floor,
    FloorContext,
    FloorMask,
    UnavailableFloorError,
)
from cellbench.floors.cached_floor import CachedFloor
from cellbench.floors.context import available_floors, cell_radius, floor_context
from cellbench.registry import import_modules

__all__ = [
    "FLOORS",
    "CachedFloor",
    "CellRadius",
    "FittedFloor",
    "Floor",
    "FloorContext",
    "FloorMask",
    "UnavailableFloorError",
    "available_floors",
    "cell_radius",
    "floor_context",
]

import_modules(__name__, Path(__file__).parent)
