"""The radius of a mask, and of a hidden input, from the radius of a cell: one table of factors by shape of the mask.

The factor depends on the shape: the weight of `sqrt` is 0.29 at half of r_max, that of `hard` is 1 up to r_max. All
recommendations of r_max use this table.
"""

from dataclasses import dataclass

from cellbench.errors import NotFoundError
from cellbench.geometry import corner_radius
from cellbench.registry import nearest


@dataclass(frozen=True)
class Factor:
    """Good values of r_max, as multiples of the cell radius or in native px.

    Attributes:
        low: Smallest value that is as good as the best.
        best: Best value.
        high: Largest value that is as good as the best.
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
"""Factors of each shape for masks divided by their mean, as multiples of the estimated radius.

The factors of `sqrt` were measured on seven data sets, five of them marrow with cells of 30 to 100 px of 256. Macro F1
of networks trained at 1.2 to 1.4 times the radius is at most 0.011 below that of the best of eight radii (mean of three
seeds; docs/radius.md has the table and its command). Single data sets allow a wider range. Below 1.2, F1 falls fast on
large cells; above 1.4, it falls slowly on all.

The factors of the other shapes are derived. Principal components of the masked patch
(`cellbench.floors.linear_curve`) were best at 1.3 for `sqrt` and `linear` and at 1.0 for `hard`, on
marrow of radius 30, 50, 70 and 100 px of 256. At these factors the root mean square distance of the weight is 0.68–0.71
of the cell radius for all three shapes. The factors of the remaining shapes give the same distance.
"""

HIDE_FACTOR = 1.15
"""Radius beyond which `hide` hides the input, as a multiple of the estimated radius. No other factor was tried."""


def recommended_r_hide(radius_px: float, native_size: int) -> float:
    """Return the radius of the disc that `hide` shows for a cell radius, in native px.

    Args:
        radius_px: Radius of the cells in native px.
        native_size: Side of a patch in px. The result is at most the distance from its centre to a corner.
    """
    return min(HIDE_FACTOR * radius_px, corner_radius(native_size))


def recommended_r_max(radius_px: float, shape: str, native_size: int) -> Factor:
    """Return the best r_max for a cell radius, and the range of equally good values, in native px.

    Args:
        radius_px: Radius of the cells in native px.
        shape: Shape of the mask.
        native_size: Side of a patch in px. The result is at most the distance from its centre to a corner.

    Raises:
        NotFoundError: The shape is unknown.
    """
    if shape not in FACTORS:
        raise NotFoundError(f"There is no factor for the shape '{shape}'; {nearest(shape, FACTORS)}")
    factor, corner = FACTORS[shape], corner_radius(native_size)
    return Factor(*(min(each * radius_px, corner) for each in (factor.low, factor.best, factor.high)))
