"""Objectives, one file each: the numbers that a search can optimise."""

from bench.space.objectives import f1, l1_core, label_free, ssim
from bench.space.objectives.base import OBJECTIVES, Objective, parse_objectives, register

__all__ = ["OBJECTIVES", "Objective", "f1", "l1_core", "label_free", "parse_objectives", "register", "ssim"]
