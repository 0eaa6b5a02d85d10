"""First points for the radius of a method, without any training: the radius estimate, and the linear curve."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.home.paths import cache_dir
from bench.space.domains import Choice, Point, Range
from bench.space.estimates import auto_names, estimated
from bench.space.space import Space, radius_name
from bench.terminal.console import note, say
from bench.terminal.formatting import length_in_words, rounded

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

ESTIMATE, LINEAR = "the radius estimate", "the linear curve"
N_RADII = 8
"""Number of radii of the linear curve, evenly spaced on a log scale over the space."""


def first_points(spaces: Sequence[Space], patch_set: "PatchSet", size: int, probe: str) -> dict[str, dict[str, Point]]:
    """Return complete points by their source for each method whose radius is searched, lengths in native px.

    The estimate and the linear curve are made for masks whose weights are divided by their mean. So the points have
    `normalize` where the space allows it. There is no estimate where no cell was found in the centres of the patches.
    The linear curve is that of a mask; a radius that is not that of a mask gets the estimate only.

    Args:
        spaces: Spaces in native px.
        patch_set: The data set. The holdout is not used.
        size: Network size in px.
        probe: Name of the probe.
    """
    from cellbench.floors.linear_curve import linear_curve
    from cellbench.radius import estimate_radius

    masks = {space.method: space for space in spaces if _has_mask(space)}
    if not masks:
        return {}
    found, native = estimate_radius(patch_set), patch_set.card.native_size
    curves: dict[tuple[str, float, float], float] = {}
    points: dict[str, dict[str, Point]] = {}
    for method, space in masks.items():
        name, shape = str(radius_name(space)), str(space.complete({})["shape"])
        domain, kind = space.searched[name], auto_names(method).get(name, "r_max")
        assert isinstance(domain, Range)
        radii: dict[str, float] = {}
        if found.is_found:
            radii[ESTIMATE] = float(estimated(kind, shape, found, native))
        key = (shape, domain.low, domain.high)
        if kind == "r_max" and key not in curves:
            tried = np.geomspace(domain.low, domain.high, N_RADII).tolist()
            curves[key] = tried[int(np.argmax(list(linear_curve(patch_set, tried, shape, size, cache_dir(), probe))))]
        if kind == "r_max":
            radii[LINEAR] = curves[key]
        points[method] = {source: _point(space, name, domain, radius) for source, radius in radii.items()}
    return points


def around_estimate(
    spaces: Sequence[Space], typed: Collection[str], patch_set: "PatchSet", factors: tuple[float, float]
) -> tuple[list[Space], dict[str, list[str]]]:
    """Return the spaces with the radius of each mask near its estimate, which is tried first, and the first sources.

    A radius that was typed keeps its range. So does every radius where no cell was found in the centres. The estimate
    is printed, also for methods whose radius is not searched.

    Args:
        spaces: Spaces in native px.
        typed: Names of the hyperparameters whose domain was typed.
        patch_set: The data set. Neither its labels nor its holdout are used.
        factors: Least and largest radius in multiples of the estimate.
    """
    from cellbench.radius import estimate_radius

    is_near = any(_has_mask(space) and radius_name(space) not in typed for space in spaces)
    if not is_near and not any(auto_names(space.method) for space in spaces):
        return list(spaces), {}
    found, native = estimate_radius(patch_set), patch_set.card.native_size
    if not found.is_found:
        if not is_near:
            return list(spaces), {}
        note(f"No radius can be estimated ({found.doubts[0].rstrip('.').lower()}), so the whole range is searched.")
        return list(spaces), {}
    say(f"Estimated radius of the cells: {length_in_words(found.radius_px, patch_set.card.um_per_px)}, without labels.")
    near: list[Space] = []
    sources: dict[str, list[str]] = {}
    for space in spaces:
        name = str(radius_name(space))
        domain = space.parameters.get(name)
        if not _has_mask(space) or name in typed or not isinstance(domain, Range):
            near.append(space)
            continue
        kind, shape = auto_names(space.method).get(name, "r_max"), str(space.complete({})["shape"])
        radius = min(max(float(estimated(kind, shape, found, native)), domain.low), domain.high)
        low, high = (min(max(rounded(radius * factor), domain.low), domain.high) for factor in factors)
        narrowed = Range(low=low, high=high, log=domain.log, default=radius)
        point = _point(space, name, narrowed, radius)
        near.append(
            space.model_copy(
                update={"parameters": {**space.parameters, name: narrowed}, "first": (point, *space.first)}
            )
        )
        sources[space.method] = [ESTIMATE]
    return near, sources


def _has_mask(space: Space) -> bool:
    name = radius_name(space)
    return name is not None and isinstance(space.searched[name], Range) and "shape" in space.parameters


def _point(space: Space, name: str, domain: Range, radius: float) -> Point:
    point = space.complete({name: min(max(rounded(radius), domain.low), domain.high)})
    normalize = space.parameters.get("normalize")
    if isinstance(normalize, Choice) and normalize.holds(True):
        point["normalize"] = True
    return point
