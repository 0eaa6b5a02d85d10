"""Estimate of the cell radius of a data set, with an interval, the profile behind it, and reasons for doubt."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellbench.errors import DataError, SettingError
from cellbench.patches.patchset import PatchSet
from cellbench.radius.covariance import Curve, GroupSums, curve, group_sums, n_far
from cellbench.radius.rings import Rings, read_rings

MAX_PATCHES = 2000
"""Largest number of patches that are read. More take time and hardly narrow the interval."""
N_DRAWS = 300
"""Number of bootstrap samples."""

FEW_PATCHES = 100
FEW_GROUPS = 5
"""Fewer patches or groups give an uncertain estimate."""
NEAR_BORDER = 0.92
"""Largest share of the outermost ring's distance at which the dependence must have fallen."""
WIDE_FALL = 0.3
"""Distance from three quarters to one quarter of the dependence, divided by the radius, above which sizes are mixed.

Marrow of one magnification has 0.18–0.26, mixtures of magnifications 0.21–0.61, the three cell types of BCCD 0.5."""
GROUP_SIZE = 20
"""Smallest number of patches from which the radius of a group is estimated."""
UNLIKE_GROUPS = 0.2
"""Interquartile range of the groups' radii, divided by their median, above which groups differ.

Marrow of one magnification has 0.04–0.09, slides of two magnifications 0.3–1.1."""
OFF_CENTRE = 0.4
"""Largest power of the first angular harmonic, divided by the largest covariance, above which cells are off the centre.

Well-centred cells have 0.1–0.3. From 0.4 the radius is a tenth too large, and far above it much too small."""
WIDE_INTERVAL = 0.3
"""Width of the interval, divided by the radius, above which the interval is wide."""
WEAK = 0.1
"""Correlation of the points of a ring below which there is probably no cell in the centre."""

_INNERMOST = 2
"""Number of innermost rings without information: all their points are neighbours."""
_SHOULDER = 1 / 3
"""Smallest share of the largest covariance at which an outer maximum is the cell's shoulder, not noise."""


@dataclass(frozen=True)
class RadiusEstimate:
    """The estimated radius of the cells in the patch centres; lengths are native px.

    Attributes:
        radius_px: Typical radius: the distance at which the dependence has fallen by half. On data with known outlines
            it lies between 2 % below and 10 % above the median radius. The bias is largest for cells of one colour on
            an empty background, where the dependence measures whether a cell covers the ring.
        low_px: Lower end of the 95 % bootstrap interval over groups. It covers sampling, not that bias. With few groups
            it is too narrow.
        high_px: Upper end of the interval.
        distances_px: Distance of each ring from the centre, ascending, shape (R,).
        dependence: Dependence of each ring, shape (R,): 1 at the cell's shoulder, 0 at the plateau. A nucleus may
            exceed 1.
        correlation: Mean correlation of two points of each ring without the tint of the patch, shape (R,).
        shoulder_px: Distance at which the dependence begins to fall.
        knee_px: Distance at which the dependence has fallen by nine tenths, about the radius of the largest cells. NaN
            if it does not fall that far.
        plateau: Correlation in the outermost rings including the tint of the patch.
        spread: Distance from three quarters to one quarter of the dependence, divided by the radius.
        group_radii_px: Radius of each group of 20 patches or more, estimated from its own patches, ascending.
        n_patches: Number of patches that were read.
        n_groups: Number of their groups.
        seconds: CPU seconds of the estimate.
        doubts: Reasons to doubt the estimate, one sentence each. Empty if there are none.
    """

    radius_px: float
    low_px: float
    high_px: float
    distances_px: NDArray[np.float64]
    dependence: NDArray[np.float64]
    correlation: NDArray[np.float64]
    shoulder_px: float
    knee_px: float
    plateau: float
    spread: float
    group_radii_px: NDArray[np.float64]
    n_patches: int
    n_groups: int
    seconds: float
    doubts: tuple[str, ...]

    @property
    def is_found(self) -> bool:
        """Whether there are cells in the patch centres, so that a radius exists."""
        at_shoulder = self.correlation[self.distances_px == self.shoulder_px]
        return bool(np.isfinite(self.radius_px) and at_shoulder.max() >= WEAK)

    @property
    def weight_text(self) -> str:
        """The profile as parameter of `mask_profile`: pairs `distance:weight` in native px, from the centre out."""
        fall = _Fall(self.distances_px, self.dependence)
        steps = [(0.0, 1.0), (self.shoulder_px, 1.0)]
        steps += [(fall.at(level), level) for level in (0.9, 0.75, 0.5, 0.25, 0.1)]
        reached = [(distance, weight) for distance, weight in steps if np.isfinite(distance)]
        (before, high), (last, low) = reached[-2:]
        gone = last + low * max(last - before, 0.1) / (high - low) if low < high else self.distances_px[-1]
        text, latest = [], -1.0
        for distance, weight in (*reached, (gone, 0.0)):
            if distance > latest + 0.05:
                text.append(f"{distance:.1f}:{weight:g}")
                latest = distance
        return " ".join(text)


def estimate_radius(patch_set: PatchSet, seed: int = 0, max_patches: int = MAX_PATCHES) -> RadiusEstimate:
    """Estimate the typical radius of the centre cells. Labels and holdout are not used.

    Args:
        patch_set: The data set.
        seed: Seed of the sample of patches and of the bootstrap.
        max_patches: Largest number of patches to read, 10 or more.

    Raises:
        DataError: The patches are smaller than 16 px, or there are fewer than 10 outside the holdout.
        SettingError: `max_patches` is below 10.
    """
    if max_patches < 10:
        raise SettingError(f"max_patches must be 10 or more. Got {max_patches}.")
    start = time.process_time()
    native = patch_set.card.native_size
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(~patch_set.index["in_holdout"].to_numpy(dtype=bool))
    if native < 16 or len(rows) < 10:
        raise DataError(
            f"The radius of {patch_set.card.name} cannot be estimated: it needs 10 patches of 16 px or more outside "
            f"the holdout, and has {len(rows)} of {native} px."
        )
    if len(rows) > max_patches:
        rows = np.sort(rng.permutation(rows)[:max_patches])
    rings = read_rings((patch_set.patches[row] for row in rows), native, patch_set.valid_box(rows))
    return estimate_from_rings(rings, patch_set.groups(rows), rng, start)


def radius_of_group(patch_set: PatchSet, rows: NDArray[np.int64]) -> float:
    """Estimate the radius of the cells of one group from its own patches. Labels are not used.

    Args:
        patch_set: The data set.
        rows: Rows of the group's patches. A few hundred are enough.

    Returns:
        Radius in native px. NaN if there are fewer than 20 patches, or if the dependence does not fall by half.
    """
    if len(rows) < GROUP_SIZE:
        return float("nan")
    rings = read_rings((patch_set.patches[row] for row in rows), patch_set.card.native_size, patch_set.valid_box(rows))
    return float(_radius_of_groups(*_seen_sums(rings, patch_set.groups(rows)))[0])


def estimate_from_rings(
    rings: Rings, groups: NDArray[np.int64], rng: np.random.Generator, start: float
) -> RadiusEstimate:
    """Estimate the radius from rings.

    Args:
        rings: Rings of N patches.
        groups: Group code of each patch, shape (N,).
        rng: Generator of the bootstrap.
        start: CPU time at the start of the work, seconds.
    """
    sums, distances = _seen_sums(rings, groups)
    found = curve(sums)
    fall = _Fall(distances, found.covariance)
    radius = fall.at(0.5)
    drawn = _bootstrap(sums, distances, rng)
    low, high = (float(np.nanquantile(drawn, q)) for q in (0.025, 0.975))
    three_quarters, quarter = fall.at(0.75), fall.at(0.25)
    own = _radius_of_groups(sums, distances)
    spread = (quarter - three_quarters) / radius
    estimate = RadiusEstimate(
        radius_px=radius,
        low_px=min(low, radius),
        high_px=max(high, radius),
        distances_px=distances,
        dependence=fall.dependence,
        correlation=found.correlation,
        shoulder_px=float(distances[fall.shoulder]),
        knee_px=fall.at(0.1),
        plateau=found.shared,
        spread=spread,
        group_radii_px=np.sort(own[np.isfinite(own)]),
        n_patches=len(groups),
        n_groups=len(sums.patches),
        seconds=0.0,
        doubts=(),
    )
    doubts = tuple(_doubts(estimate, found))
    return RadiusEstimate(**vars(estimate) | {"doubts": doubts, "seconds": time.process_time() - start})


class _Fall:
    """The fall of a curve from the cell's shoulder to the plateau beyond all cells."""

    def __init__(self, distances: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        n = n_far(len(values))
        self.distances = distances
        plateau = min(float(np.median(values[-n:])), float(values[-2 * n :].min()))
        above = values - plateau
        threshold = _SHOULDER * above[_INNERMOST:].max()
        self.shoulder = _INNERMOST
        for ring in range(len(values) - 2, _INNERMOST, -1):  # the outermost maximum that is not noise
            if above[ring] >= threshold and above[ring] >= max(above[ring - 1], above[ring + 1]):
                self.shoulder = ring
                break
        self.dependence = above / max(float(above[self.shoulder]), 1e-12)

    def at(self, level: float) -> float:
        """Return the first distance beyond the shoulder at which the curve has fallen to a level, or NaN."""
        for ring in range(self.shoulder, len(self.dependence) - 1):
            here, next_ = self.dependence[ring], self.dependence[ring + 1]
            if next_ <= level:
                share = (here - level) / max(here - next_, 1e-12)
                step = self.distances[ring + 1] - self.distances[ring]
                return float(self.distances[ring] + np.clip(share, 0, 1) * step)
        return float("nan")


def _bootstrap(sums: GroupSums, distances: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the radius of each bootstrap sample of groups. It does not depend on the order of the groups."""
    n = len(sums.patches)
    order = np.lexsort((sums.colours[:, -1].sum(axis=1), sums.colours[:, 0].sum(axis=1)))
    draws = np.empty((N_DRAWS, n))
    draws[:, order] = rng.multinomial(n, np.full(n, 1 / n), size=N_DRAWS)
    return np.array([_Fall(distances, curve(sums, times).covariance).at(0.5) for times in draws])


def _radius_of_groups(sums: GroupSums, distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the radius of each group by itself, shape (G,). NaN if the group is small or its curve does not fall."""
    radius = np.full(len(sums.patches), np.nan)
    for group in np.flatnonzero(sums.patches >= GROUP_SIZE):
        radius[group] = _Fall(distances, curve(sums, np.eye(len(radius))[group]).covariance).at(0.5)
    return radius


def _seen_sums(rings: Rings, groups: NDArray[np.int64]) -> tuple[GroupSums, NDArray[np.float64]]:
    """Return the sums of groups and the ring distances, up to the ring that too few patches show."""
    sums = group_sums(rings, groups)
    seen = sums.rings.sum(axis=0)
    hidden = np.flatnonzero(seen < 0.1 * seen[0])
    reach = int(hidden[0]) if len(hidden) else len(seen)
    cut = GroupSums(**{name: _cut(value, reach) for name, value in vars(sums).items()})
    return cut, rings.distances[:reach]


def _cut(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    return values if values.ndim == 1 else values[:, :reach]


def _doubts(found: RadiusEstimate, seen: Curve) -> list[str]:
    """Return the reasons to doubt an estimate."""
    doubts = []
    reach = float(found.distances_px[-1])
    if not found.is_found:
        doubts.append(
            "The points of a ring are hardly correlated at any distance. The patch centres may not contain cells."
        )
    if found.n_patches < FEW_PATCHES:
        doubts.append(f"Only {found.n_patches} patches were read. A stable estimate needs {FEW_PATCHES} or more.")
    if found.n_groups < FEW_GROUPS:
        doubts.append(f"The patches come from {found.n_groups} groups. A reliable interval needs {FEW_GROUPS} or more.")
    if not found.knee_px <= NEAR_BORDER * reach:
        doubts.append(
            "The dependence still falls near the border of the patch. The largest cells fill it, and the radius may be "
            "larger than estimated. Cut larger patches to check."
        )
    if found.spread > WIDE_FALL:
        doubts.append(
            "The dependence falls slowly. Cells of different sizes are mixed, and one radius fits none of them well."
        )
    radii = found.group_radii_px
    if len(radii) >= FEW_GROUPS:
        low, middle, high = np.quantile(radii, (0.25, 0.5, 0.75))
        if high - low > UNLIKE_GROUPS * middle:
            doubts.append(
                f"Groups differ: a quarter of them have a radius below {low:.0f} px, a quarter above {high:.0f} px. If "
                "their magnification differs, bring them to one with: python -m bench.datasets level"
            )
    if seen.harmonic[_INNERMOST:].max() > OFF_CENTRE * seen.covariance[_INNERMOST:].max():
        doubts.append(
            "Cells seem to lie off the centre. The estimate is then too large, or it is the radius of the nucleus. "
            "Centre the patches better."
        )
    if found.high_px - found.low_px > WIDE_INTERVAL * found.radius_px:
        doubts.append("The interval is wide. Other groups of patches would give a different radius.")
    if found.radius_px < found.distances_px[2 * _INNERMOST]:
        doubts.append("Few rings lie inside the radius. Cut smaller patches around the cells.")
    return doubts
