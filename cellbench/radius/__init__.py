"""How large are the cells? Estimated from patches alone: no labels, no training, seconds on a CPU.

Points of a ring vary together as long as the ring lies in the centre cell, and go their own ways beyond it. The
distance at which that dependence has fallen by half is the typical cell's radius.
"""

from cellbench.radius.estimate import RadiusEstimate, estimate_radius
from cellbench.radius.factors import FACTORS, Factor, recommended_r_max

__all__ = ["FACTORS", "Factor", "RadiusEstimate", "estimate_radius", "recommended_r_max"]
