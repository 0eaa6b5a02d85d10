"""Objectives, one file each: the numbers that a search can optimise. Each file registers its objective."""

from pathlib import Path

from bench.space.objectives.base import OBJECTIVES, Objective, parse_objectives, register
from cellbench.registry import import_modules

__all__ = ["OBJECTIVES", "Objective", "parse_objectives", "register"]

import_modules(__name__, Path(__file__).parent)
