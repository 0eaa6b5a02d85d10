"""Samplers, one file each: how the configurations of one method are chosen."""

from bench.space.samplers import gp, grid, random, tpe
from bench.space.samplers.base import SAMPLERS, Sampler, build_sampler, register

__all__ = ["SAMPLERS", "Sampler", "build_sampler", "gp", "grid", "random", "register", "tpe"]
