"""How strongly points that face each other across the centre vary together, ring by ring.

For a ring at distance d it is the covariance, over patches and angles, of the colour at angle θ with that at θ + 180°.
In the centre cell both points belong to one cell, so it is large; near its rim it is largest, because one patch has
both points in the cell and the next has both outside; beyond the largest cells the points belong to things that know
nothing of each other, and what is left is what a whole patch shares: its tint.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellbench.radius.rings import Rings

MIN_GROUP = 8
"""Groups of so many patches have their own mean taken off; smaller ones share that of all small groups."""


@dataclass(frozen=True)
class GroupSums:
    """Sums over the patches of each group, from which curves are made, also of groups drawn with repetition.

    Attributes:
        products: Of facing points, each group's mean taken off, shape (G, R, 3).
        pairs: Number of such pairs, shape (G, R).
        colours: Of all points, shape (G, R, 3).
        squares: Of all points, each group's mean taken off, shape (G, R, 3).
        lopsided: Power of the ring's first angular harmonic, summed over colours, shape (G, R).
        whole: Power of its mean, the same way, shape (G, R).
        points: Number of points, shape (G, R).
        patches: Number of patches, shape (G,).
    """

    products: NDArray[np.float64]
    pairs: NDArray[np.float64]
    colours: NDArray[np.float64]
    squares: NDArray[np.float64]
    lopsided: NDArray[np.float64]
    whole: NDArray[np.float64]
    points: NDArray[np.float64]
    patches: NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The dependence of one set of patches.

    Attributes:
        covariance: Of facing points without what a whole patch shares, mean over colours, smoothed, shape (R,).
        correlation: The same as a share of a point's variance, shape (R,).
        shared: Correlation of facing points in the outermost rings: tint and illumination of the patch.
    """

    covariance: NDArray[np.float64]
    correlation: NDArray[np.float64]
    shared: float


def group_sums(rings: Rings, groups: NDArray[np.int64]) -> GroupSums:
    """Sum what the curve needs over each group.

    Args:
        rings: Rings of N patches.
        groups: Code of each patch's group, shape (N,).
    """
    _, own, counts = np.unique(groups, return_inverse=True, return_counts=True)
    n, n_angles = len(counts), rings.valid.shape[2]
    valid = rings.valid[..., None].astype(np.float32)
    apart = (rings.colours - _group_means(rings.colours, valid, np.where(counts[own] >= MIN_GROUP, own, -1))) * valid
    facing = np.roll(apart, n_angles // 2, axis=2)
    both = rings.valid & np.roll(rings.valid, n_angles // 2, axis=2)
    angles = np.arange(n_angles, dtype=np.float32) * np.float32(2 * np.pi / n_angles)
    whole, east, south = (np.einsum("nrac,a->nrc", apart, wave) for wave in (angles**0, np.cos(angles), np.sin(angles)))
    return GroupSums(
        products=_summed((apart * facing).sum(axis=2), own, n),
        pairs=_summed(both.sum(axis=2), own, n),
        colours=_summed((rings.colours * valid).sum(axis=2), own, n),
        squares=_summed((apart**2).sum(axis=2), own, n),
        lopsided=_summed((east**2 + south**2).sum(axis=-1), own, n),
        whole=_summed((whole**2).sum(axis=-1), own, n),
        points=_summed(rings.valid.sum(axis=2), own, n),
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
    pairs, points = (np.maximum(weights @ each, 1e-9)[:, None] for each in (sums.pairs, sums.points))
    covariance = np.tensordot(weights, sums.products, 1) / pairs  # (R, 3)
    variance = np.tensordot(weights, sums.squares, 1) / points
    brightness = np.tensordot(weights, sums.colours, 1) / points
    far = slice(-n_far(len(covariance)), None)
    tint = np.maximum(covariance[far].mean(axis=0), 0.0)
    relative = (brightness / np.maximum(brightness[far].mean(axis=0), 1e-9)) ** 2
    shared = float(covariance[far].sum() / max(variance[far].sum(), 1e-12))
    own = smoothed((covariance - tint * relative).mean(axis=1))
    total = smoothed((variance - tint * relative).mean(axis=1))
    return Curve(own, own / np.maximum(total, 1e-12), shared)


def lopsidedness(sums: GroupSums, near: NDArray[np.bool_]) -> float:
    """Return how much the chosen rings lean to one side, as a share of how much they vary as a whole."""
    n_patches = sums.patches.sum()
    lean, whole = sums.lopsided.sum(axis=0) / n_patches, sums.whole.sum(axis=0) / n_patches
    brightness = sums.colours.sum(axis=(0, 2)) / np.maximum(sums.points.sum(axis=0), 1e-9)
    far = slice(-n_far(len(whole)), None)
    tint = whole[far].mean() * (brightness / max(brightness[far].mean(), 1e-9)) ** 2
    return float(lean[near].sum() / max((whole - tint)[near].sum(), 1e-9 * whole.sum()))


def n_far(n_rings: int) -> int:
    """Return how many of the outermost rings stand for what lies beyond all cells."""
    return max(2, round(n_rings / 8))


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a running mean over three rings, the middle one counted twice."""
    return np.convolve(np.pad(values, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")


def _group_means(
    values: NDArray[np.float32], valid: NDArray[np.float32], codes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return, for each patch, the mean of valid points over its group, by ring, angle and colour."""
    means = np.empty_like(values)
    for code in np.unique(codes):
        members = codes == code
        total = valid[members].sum(axis=0, dtype=np.float64)
        means[members] = (values[members] * valid[members]).sum(axis=0, dtype=np.float64) / np.maximum(total, 1)
    return means


def _summed(values: NDArray[Any], codes: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    sums = np.zeros((n, *values.shape[1:]), np.float64)
    np.add.at(sums, codes, values)
    return sums
