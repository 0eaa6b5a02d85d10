"""Samplers, one file each: how the configurations of one method are chosen. Each file registers its sampler."""

from importlib import import_module
from pkgutil import iter_modules

from bench.space.samplers.base import SAMPLERS, Sampler, build_sampler, register

__all__ = ["SAMPLERS", "Sampler", "build_sampler", "register"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
