"""From the radius of a cell to the radius of a mask: one table, by shape of the mask.

The weight of `sqrt` has fallen to 0.29 at half of r_max, that of `hard` is 1 up to r_max, so no shape's best r_max is
the radius of the cell. Change the numbers here and nowhere else.
"""

from dataclasses import dataclass

from cellbench.errors import NotFoundError
from cellbench.geometry import corner_radius
from cellbench.registry import nearest


@dataclass(frozen=True)
class Factor:
    """Best r_max as multiples of the cell's radius.

    Attributes:
        low: Smallest that is as good as the best.
        best: The best.
        high: Largest that is as good as the best.
    """

    low: float
    best: float
    high: float


FACTORS = {
    "sqrt": Factor(1.05, 1.3, 1.75),
    "linear": Factor(1.05, 1.3, 1.75),
    "quadratic": Factor(1.0, 1.2, 1.7),
    "cosine": Factor(1.2, 1.45, 2.0),
    "gaussian": Factor(0.85, 1.0, 1.4),
    "hard": Factor(0.85, 1.0, 1.45),
}
"""Of masks divided by their mean.

First values, from no trained network: macro F1 of 64 principal components of the masked patch
(`cellbench.scores.floors.principal_components`) on marrow of true median radius 30, 50, 70 and 100 px of 256, 1 500
patches each, one seed, at 0.5 to 2.2 times the true radius. `sqrt`, `linear` and `hard` were measured: the range is
where the mean over the four sets lies less than about 0.02 below each set's best. All three reach equally far at their
best (the root mean square distance of their weight is 0.68–0.71 of the cell's radius); the factors of the other shapes
are those that reach as far.
"""


def recommended_r_max(radius_px: float, shape: str, native_size: int) -> Factor:
    """Return r_max for cells of a radius, in native px: the best, and the range that should do as well.

    Args:
        radius_px: Radius of the cells in native px.
        shape: Shape of the mask.
        native_size: Side in px of a patch; no radius is larger than the distance to its corner.

    Raises:
        NotFoundError: There is no factor for that shape.
    """
    if shape not in FACTORS:
        raise NotFoundError(f"There is no factor for the shape '{shape}'; {nearest(shape, FACTORS)}")
    factor, corner = FACTORS[shape], corner_radius(native_size)
    return Factor(*(min(each * radius_px, corner) for each in (factor.low, factor.best, factor.high)))
