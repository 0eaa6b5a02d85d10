"""Synthetic bone marrow: the ten cell types of the paper in crowded smears, drawn from a seed with true outlines."""

from cellbench.marrow.dataset import MarrowPatches, draw_marrow, make_builtin, write_marrow
from cellbench.marrow.spec import BUILTIN, MARROW_VERSION, Builtin, MarrowSpec

__all__ = [
    "BUILTIN",
    "MARROW_VERSION",
    "Builtin",
    "MarrowPatches",
    "MarrowSpec",
    "draw_marrow",
    "make_builtin",
    "write_marrow",
]
