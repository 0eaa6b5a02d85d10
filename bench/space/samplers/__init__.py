"""Samplers, one file each: how the configurations of one method are chosen. Each file registers its sampler."""

from pathlib import Path

from bench.space.samplers.base import SAMPLERS, Sampler, build_sampler, register
from cellbench.registry import import_modules

__all__ = ["SAMPLERS", "Sampler", "build_sampler", "register"]

import_modules(__name__, Path(__file__).parent)
