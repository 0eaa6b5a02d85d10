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
    "sqrt": Factor(1.2, 1.3, 1.4),
    "linear": Factor(1.2, 1.3, 1.4),
    "quadratic": Factor(1.1, 1.2, 1.3),
    "cosine": Factor(1.35, 1.45, 1.55),
    "gaussian": Factor(0.92, 1.0, 1.08),
    "hard": Factor(0.92, 1.0, 1.08),
}
"""Of masks divided by their mean, as multiples of the estimated radius.

`sqrt` was measured: on seven data sets, five of them marrow with cells of 30 to 100 px of 256, macro F1 of networks
trained at 1.2 to 1.4 times the radius lies at most 0.011 below that of the best of eight radii (mean of three seeds;
docs/radius.md has the table and its command). Each data set by itself allows more; below 1.2 it falls fast on large
cells, above 1.4 slowly on all.

The other shapes follow from it. Principal components of the masked patch
(`cellbench.scores.floors.principal_components`) were best at 1.3 for `sqrt` and `linear` and at 1.0 for `hard` on
marrow of radius 30, 50, 70 and 100 px of 256: all three reach equally far at their best (the root mean square distance
of their weight is 0.68–0.71 of the cell's radius), and the factors of the rest are those that reach as far.
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
