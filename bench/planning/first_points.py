"""First guesses of a mask's radius, before anything is trained: the estimate without labels, and the linear curve."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.home.paths import cache_dir
from bench.space.domains import Choice, Point, Range
from bench.space.space import Space, radius_name
from bench.terminal.formatting import rounded
from cellbench.scores.floors import linear_curve

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

ESTIMATE, LINEAR = "the radius estimate", "the linear curve"
N_RADII = 8
"""Radii of the linear curve, log-spaced over the space."""


def first_points(spaces: Sequence[Space], patch_set: "PatchSet", size: int) -> dict[str, dict[str, Point]]:
    """Return, for each method whose radius is searched, complete points by where they come from, lengths in native px.

    Both speak of masks whose weights are divided by their mean, so that is what the points ask for where the space
    has it. The estimate is left out where nothing was found in the centres of the patches.

    Args:
        spaces: Spaces in native px.
        patch_set: The data set; the holdout is not looked at.
        size: Network size in px.
    """
    from cellbench.radius import estimate_radius, recommended_r_max

    masks = {space.method: space for space in spaces if _has_mask(space)}
    if not masks:
        return {}
    found, native = estimate_radius(patch_set), patch_set.card.native_size
    curves: dict[tuple[str, float, float], float] = {}
    points: dict[str, dict[str, Point]] = {}
    for method, space in masks.items():
        name, shape = str(radius_name(space)), str(space.complete({})["shape"])
        domain = space.searched[name]
        assert isinstance(domain, Range)
        radii: dict[str, float] = {}
        if found.is_found:
            radii[ESTIMATE] = recommended_r_max(found.radius_px, shape, native).best
        key = (shape, domain.low, domain.high)
        if key not in curves:
            tried = np.geomspace(domain.low, domain.high, N_RADII).tolist()
            curves[key] = tried[int(np.argmax(list(linear_curve(patch_set, tried, shape, size, cache_dir()))))]
        radii[LINEAR] = curves[key]
        points[method] = {source: _point(space, name, domain, radius) for source, radius in radii.items()}
    return points


def _has_mask(space: Space) -> bool:
    name = radius_name(space)
    return name is not None and isinstance(space.searched[name], Range) and "shape" in space.parameters


def _point(space: Space, name: str, domain: Range, radius: float) -> Point:
    point = space.complete({name: min(max(rounded(radius), domain.low), domain.high)})
    normalize = space.parameters.get("normalize")
    if isinstance(normalize, Choice) and normalize.holds(True):
        point["normalize"] = True
    return point
