"""How strongly the points of a ring depend on each other, ring by ring.

Measured by how much the ring's mean colour varies between patches. In the centre cell all points of a ring belong to
one cell, so they vary together and their mean varies as they do; near the rim the mean varies most, because one patch
has the whole ring in the cell and the next has it outside; beyond the largest cells the points belong to things that
know nothing of each other, and average out. What is left there is what a whole patch shares: its tint.

Other measures were tried on data of known radius. How well the centre disc predicts the ring (ridge regression on its
principal components) falls at the rim of the nucleus, not of the cell; the covariance of points that face each other
across the centre finds the cell as well as the mean does, but breaks down where cells lie a tenth of their radius off
the centre, and the mean not before a quarter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellbench.radius.rings import Rings

MIN_GROUP = 8
"""Groups of so many patches have their own mean taken off; smaller ones share that of all small groups."""
_SEEN = 0.5
"""Share of a ring that must be image, not padding, for the ring to count."""


@dataclass(frozen=True)
class GroupSums:
    """Sums over the patches of each group, from which curves are made, also of groups drawn with repetition.

    Means of a group are taken off where the text says "apart".

    Attributes:
        rings: Number of rings that count, shape (G, R).
        colours: Of rings' mean colours, shape (G, R, 3).
        apart: Of squared mean colours, apart, shape (G, R, 3).
        points: Of squared colours of points, apart, mean over a ring, shape (G, R, 3).
        lean: Of the squared first angular harmonic, apart, shape (G, R, 3).
        patches: Number of patches, shape (G,).
    """

    rings: NDArray[np.float64]
    colours: NDArray[np.float64]
    apart: NDArray[np.float64]
    points: NDArray[np.float64]
    lean: NDArray[np.float64]
    patches: NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The dependence of one set of patches, without what a whole patch shares, smoothed over rings.

    Attributes:
        covariance: Mean covariance of two points of a ring, mean over colours, shape (R,).
        correlation: The same as a share of a point's variance, shape (R,).
        lean: Mean power of the first angular harmonic, the same way, shape (R,).
        shared: Correlation in the outermost rings, tint and illumination included.
    """

    covariance: NDArray[np.float64]
    correlation: NDArray[np.float64]
    lean: NDArray[np.float64]
    shared: float


def group_sums(rings: Rings, groups: NDArray[np.int64]) -> GroupSums:
    """Sum what the curve needs over each group.

    Args:
        rings: Rings of N patches.
        groups: Code of each patch's group, shape (N,).
    """
    _, own, counts = np.unique(groups, return_inverse=True, return_counts=True)
    together = np.where(counts[own] >= MIN_GROUP, own, -1)
    n_angles = rings.valid.shape[2]
    valid = rings.valid.astype(np.float32)
    n_points = np.maximum(valid.sum(axis=2), 1)[..., None]  # (N, R, 1)
    seen = valid.mean(axis=2) >= _SEEN  # (N, R)

    def around(wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of each ring's valid points times a wave over its angles, (N, R, 3)."""
        return np.einsum("nrac,nra->nrc", rings.colours, valid * wave) / n_points

    angles = np.arange(n_angles, dtype=np.float32) * np.float32(2 * np.pi / n_angles)
    mean, east, south = (around(wave) for wave in (np.ones_like(angles), np.cos(angles), np.sin(angles)))
    within = np.einsum("nrac,nra->nrc", rings.colours**2, valid) / n_points - mean**2
    apart = _apart(mean, seen, together) ** 2
    lean = _apart(east, seen, together) ** 2 + _apart(south, seen, together) ** 2

    def summed(values: NDArray[np.float32]) -> NDArray[np.float64]:
        sums = np.zeros((len(counts), *values.shape[1:]), np.float64)
        np.add.at(sums, own, values * seen[..., None])
        return sums

    return GroupSums(
        rings=summed(np.ones((*seen.shape, 1), np.float32))[..., 0],
        colours=summed(mean),
        apart=summed(apart),
        points=summed(apart + within),
        lean=summed(lean),
        patches=counts.astype(np.float64),
    )


def curve(sums: GroupSums, times: NDArray[np.float64] | None = None) -> Curve:
    """Return the dependence over distance.

    A tint is light lost on its way: it multiplies, so it moves a bright ring more than a dark one. What the outermost
    rings share is therefore taken off in proportion to the squared brightness of each ring.

    Args:
        sums: Sums of each group.
        times: How often each group counts, shape (G,); once by default.
    """
    weights = np.ones(len(sums.patches)) if times is None else times
    n = np.maximum(weights @ sums.rings, 1e-9)[:, None]
    colours, apart, points, lean = (
        np.tensordot(weights, each, 1) / n for each in (sums.colours, sums.apart, sums.points, sums.lean)
    )  # each (R, 3)
    far = slice(-n_far(len(n)), None)
    relative = (colours / np.maximum(colours[far].mean(axis=0), 1e-9)) ** 2
    tint = apart[far].mean(axis=0) * relative
    covariance = smoothed((apart - tint).mean(axis=1))
    variance = smoothed((points - tint).mean(axis=1))
    return Curve(
        covariance,
        covariance / np.maximum(variance, 1e-12),
        smoothed((lean - lean[far].mean(axis=0) * relative).mean(axis=1)),
        float(apart[far].sum() / max(points[far].sum(), 1e-12)),
    )


def n_far(n_rings: int) -> int:
    """Return how many of the outermost rings stand for what lies beyond all cells."""
    return max(2, round(n_rings / 8))


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a running mean over three rings, the middle one counted twice."""
    return np.convolve(np.pad(values, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")


def _apart(values: NDArray[np.float32], seen: NDArray[np.bool_], codes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return values (N, R, 3) without the mean of what is seen of each group."""
    result = np.empty_like(values)
    for code in np.unique(codes):
        members = codes == code
        mine, here = values[members], seen[members][..., None]
        mean = (mine * here).sum(axis=0, dtype=np.float64) / np.maximum(here.sum(axis=0), 1)
        result[members] = mine - mean.astype(np.float32)
    return result
