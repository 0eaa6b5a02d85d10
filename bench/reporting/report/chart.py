"""What a figure of the report shows, apart from the library that draws it."""

import math
from dataclasses import dataclass
from typing import Literal

ROLES = {
    "search": "#3d85c6",
    "folds": "#e07a1f",
    "final": "#a64d9e",
    "floor": "#8a94a0",
    "ceiling": "#c9a227",
    "range": "#6aa84f",
    "curve": "#3d85c6",
    "lowest": "#d1495b",
}
"""Colour of each role. They can be told apart on white and on black."""
SERIES = ("#3d85c6", "#e07a1f", "#3a9d6e", "#d1495b", "#9b6fc0", "#8c6d46", "#d977b3", "#8a94a0", "#a3a635", "#2fa8b8")
"""Colours of classes and methods, in this order; then they repeat with another symbol."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down")
"""Symbols of points, by their names in plotly."""


@dataclass(frozen=True)
class Points:
    """Points, each with an optional interval along x.

    Attributes:
        label: Name in the legend.
        x: Values.
        y: Values, as many.
        texts: What is said about each point when the pointer is on it.
        colour: Colour as `#rrggbb`.
        symbol: One of `SYMBOLS`.
        is_hollow: Whether only the outline is drawn.
        low: Lower ends of the intervals, as many as points; empty for none.
        high: Upper ends of the intervals.
        size: Diameter in px.
        tiles: Place of each point's patch in the sheet of a map; empty for none.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    texts: tuple[str, ...]
    colour: str
    symbol: str = "circle"
    is_hollow: bool = False
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    size: float = 8
    tiles: tuple[int, ...] = ()


@dataclass(frozen=True)
class Line:
    """A curve through points, in the order of x."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    colour: str


@dataclass(frozen=True)
class Band:
    """The area between two curves."""

    label: str
    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    colour: str


@dataclass(frozen=True)
class Level:
    """A dashed vertical line over the whole height, at a value of x."""

    label: str
    at: float
    colour: str


@dataclass(frozen=True)
class Span:
    """A vertical stripe over the whole height."""

    label: str
    low: float
    high: float
    colour: str


@dataclass(frozen=True)
class Heat:
    """A heat map: one row for each name of the y axis, one column for each name of the x axis.

    Attributes:
        label: What the values are.
        values: Values in 0–1, NaN where there is none: a tuple for each row.
    """

    label: str
    values: tuple[tuple[float, ...], ...]


Mark = Points | Line | Band | Level | Span | Heat


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        title: Its title, with the unit.
        names: Names at the positions 0, 1, 2, …; empty for an axis of numbers.
        scale: Scale of the numbers.
        limits: First and last value; None for what the marks need.
    """

    title: str
    names: tuple[str, ...] = ()
    scale: Literal["linear", "log"] = "linear"
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes:
        key: Name of its files, without an ending.
        title: What it shows, in one phrase.
        x: The horizontal axis.
        y: The vertical axis. Its names run from the top to the bottom.
        marks: What is drawn, in this order.
        height: Height in px.
        min_width: Smallest width in px; on a narrower screen, the reader scrolls the figure.
    """

    key: str
    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    height: int = 420
    min_width: int = 0


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers for a logarithmic axis, about five of them where the ends are close.

    >>> log_ticks(25, 52), log_ticks(1, 100)
    ([25, 30, 35, 40, 50], [1, 2, 5, 10, 20, 50, 100])
    """
    steps = (1, 2, 5) if high / low > 8 else (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps]
    return [float(f"{tick:.6g}") for tick in ticks if low * 0.9999 <= tick <= high * 1.0001]


def shortened(name: str, n: int = 26) -> str:
    """Return a name that fits beside an axis.

    >>> shortened("mask_fixed"), shortened("a" * 40, 5)
    ('mask_fixed', 'aaaa…')
    """
    return name if len(name) <= n else name[: n - 1] + "…"
