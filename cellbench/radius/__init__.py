"""How large are the cells? Estimated from patches alone: no labels, no training, seconds on a CPU.

Points that face each other across the centre vary together as long as both lie in the centre cell, and go their own
ways beyond it. The distance at which that dependence has fallen by half is the typical cell's radius.
"""

from cellbench.radius.estimate import RadiusEstimate, estimate_radius
from cellbench.radius.factors import FACTORS, Factor, recommended_r_max

__all__ = ["FACTORS", "Factor", "RadiusEstimate", "estimate_radius", "recommended_r_max"]
