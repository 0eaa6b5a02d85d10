"""Estimate of the cell radius from patches alone: without labels or training, in seconds on a CPU.

The pixels of a ring around the centre are correlated while the ring lies in the centre cell, and uncorrelated beyond
it. The distance at which this dependence has fallen by half is the radius of the typical cell.
"""

from cellbench.radius.estimate import RadiusEstimate, estimate_radius
from cellbench.radius.factors import FACTORS, Factor, recommended_r_hide, recommended_r_max

__all__ = ["FACTORS", "Factor", "RadiusEstimate", "estimate_radius", "recommended_r_hide", "recommended_r_max"]
