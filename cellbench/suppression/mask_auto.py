"""A loss mask whose radius is estimated from the patches (`cellbench.radius`) before a search starts."""

from cellbench.suppression import mask
from cellbench.suppression.base import SUPPRESSIONS


@SUPPRESSIONS.register("mask_auto", "loss mask of the radius that is estimated from the patches")
class AutoMask(mask.FixedMask):
    """The fixed mask. Its search space sets `r_max: auto`, which a search replaces by the estimate in native px."""
