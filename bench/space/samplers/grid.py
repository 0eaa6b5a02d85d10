"""The grid of the search space: the settings of the paper, in their order."""

from bench.space.samplers.base import Sampler, register

register(Sampler("grid", None, is_multi_objective=True, description="every point of the grid, in order"))
