"""Synthetic bone marrow: ten cell types of the paper in crowded smears, with true outlines, drawn by seed."""

from cellbench.marrow.builtin import BUILTIN, Builtin, make_builtin
from cellbench.marrow.dataset import MarrowPatches, draw_marrow, write_marrow
from cellbench.marrow.spec import MARROW_VERSION, MarrowSpec

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
