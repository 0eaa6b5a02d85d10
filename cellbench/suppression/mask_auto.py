"""A loss mask whose radius nobody chose: it is read off the patches (`cellbench.radius`) before a search begins."""

from cellbench.suppression import mask
from cellbench.suppression.base import SUPPRESSIONS


@SUPPRESSIONS.register("mask_auto", "loss mask of the radius that is estimated from the patches")
class AutoMask(mask.FixedMask):
    """The fixed mask; its search space says `r_max: auto`, for which a search puts the estimate in native px."""
