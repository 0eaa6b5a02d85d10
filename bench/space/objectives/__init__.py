"""Objectives, one file each: the numbers that a search can optimise. Each file registers its objective."""

from importlib import import_module
from pkgutil import iter_modules

from bench.space.objectives.base import OBJECTIVES, Objective, parse_objectives, register

__all__ = ["OBJECTIVES", "Objective", "parse_objectives", "register"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
