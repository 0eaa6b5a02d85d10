"""The best points of ended searches, which a new search tries first."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.home.paths import datasets_dir
from bench.record.folder import SearchFolder, search_names
from bench.record.request import Request
from bench.record.summary import Summary
from bench.space.domains import Point, Range, times
from bench.space.space import Space
from cellbench.errors import DataError
from cellbench.patches.card import Card
from cellbench.suppression.base import length_names

MOST = 3
"""Largest number of points of ended searches, per method."""


@dataclass(frozen=True)
class Found:
    """The best point of an ended search for a method.

    Attributes:
        search: Name of the search.
        same_data: Whether the search used the same patches.
        score: Macro F1 from fresh seeds minus that of the search's strongest floor.
        point: The configuration, lengths in native px of the new data set.
    """

    search: str
    same_data: bool
    score: float
    point: Point


def with_warm_start(space: Space, card: Card, guessed: Mapping[str, Point]) -> tuple[Space, list[str]]:
    """Return the space with warm-start points prepended, and the source of each of these points.

    The points of ended searches come first, then those guessed from the patches. Searches on the same data set (by
    fingerprint) come first. Both these and the others are ordered by macro F1 minus that of their strongest floor,
    because F1 cannot be compared between data sets and probes. Lengths from another data set are scaled by the
    typical cell radius where both cards have it, else by the native size. A value outside the space moves to its
    edge. A hyperparameter that is constant in the space stays constant.

    Args:
        space: Space of the method, lengths in native px of the data set.
        card: Card of the data set.
        guessed: Complete points by their source, as `bench.planning.first_points` returns them.
    """
    found = [each for name in search_names() for each in _found_by(SearchFolder.open(name), space, card)]
    found.sort(key=lambda each: (not each.same_data, -each.score))
    points: dict[str, Point] = {}
    for each in found:
        if each.point not in points.values() and len(points) < MOST:
            points[each.search] = each.point
    for source, point in guessed.items():
        if space.holds(point) and point not in points.values():
            points[source] = point
    first = (*points.values(), *space.first_points())
    return space.model_copy(update={"first": first}), list(points)


def _found_by(folder: SearchFolder, space: Space, card: Card) -> list[Found]:
    """Return the best point of a search for the method. A search that has not ended, or is damaged, has none."""
    try:
        summary = Summary.read(folder)
        if summary is None:
            return []
        request = Request.read(folder)
    except DataError:
        return []
    row = next((row for row in summary.rows if row.kind == "method" and row.name == space.method), None)
    if row is None:
        return []
    same = request.fingerprint == card.fingerprint
    factor = 1.0 if same else _factor(request, card)
    lengths = set(length_names(space.method))
    params = {name: _scalar(value) for name, value in row.params.items()}
    scaled = {name: times(value, factor) if name in lengths else value for name, value in params.items()}
    return [Found(folder.name, same, row.f1_macro - summary.best_floor.f1_macro, _inside(space, scaled))]


def _factor(request: Request, card: Card) -> float:
    """Return the factor for lengths of another data set."""
    try:
        other = Card.read(datasets_dir() / request.dataset / "card.yaml")
    except DataError:
        other = None
    if other is not None and other.fingerprint == request.fingerprint and other.cell_radius_px and card.cell_radius_px:
        return card.cell_radius_px / other.cell_radius_px
    return card.native_size / request.native_size


def _scalar(value: bool | float | str) -> bool | float | str:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _inside(space: Space, values: Point) -> Point:
    point: Point = {}
    for name, domain in space.parameters.items():
        value = values.get(name, domain.default)
        if isinstance(domain, Range) and isinstance(value, float):
            value = min(max(value, domain.low), domain.high)
        point[name] = value if domain.holds(value) else domain.default
    return point
