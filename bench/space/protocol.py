"""The configurations of the paper's experiment (its section 3.4), and those that are compared with them."""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from bench.space.domains import Point
from bench.space.formatting import params_in_words
from bench.space.reader import load_space
from bench.space.space import COMMON, PAPER_METHODS, Space
from cellbench.training.configuration import Configuration

NORMALIZE = "normalize"
ESTIMATED = "mask_auto"
"""The method whose radius is estimated from the patches."""
Origin = Literal["paper", "normalized", "estimate", "added"]


class Entry(BaseModel):
    """A configuration of a reproduction.

    Attributes:
        name: Name for people: the method and what distinguishes it from other entries of the method, lengths in px of
            the data set.
        origin: `paper` for one of its 19 configurations, `normalized` for one of its masks with mean weight 1,
            `estimate` for the mask of the estimated radius, `added` for one that the user named.
        configuration: The configuration, lengths in native px.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    origin: Origin
    configuration: Configuration


def paper_spaces(native_size: int, fixes_common: bool) -> list[Space]:
    """Return the spaces of the protocol: those of the paper's methods, then that of the estimated radius.

    Every suppression has the paper's hyperparameters. Learning rate and beta are those of the paper only where
    `fixes_common` is true: the paper chose them for far longer trainings.

    Args:
        native_size: Side in px of the patches.
        fixes_common: Whether lr and beta are those of the paper too.
    """
    spaces = []
    for method in (*PAPER_METHODS, ESTIMATED):
        space = load_space(method).scaled(native_size)
        values = {name: value for name, value in space.paper.items() if fixes_common or name not in COMMON}
        spaces.append(space.fixed(values))
    return spaces


def paper_entries(spaces: Sequence[Space]) -> list[Entry]:
    """Return the protocol: the paper's configurations, its masks normalized, and the estimated radius.

    Args:
        spaces: The spaces of `paper_spaces`, with an estimate in place of each `auto`.
    """
    found = [
        _entry(space, point, "estimate" if space.method == ESTIMATED else "paper")
        for space in spaces
        for point in _points(space)
    ]
    for space in spaces:
        if NORMALIZE in space.parameters and space.method in PAPER_METHODS:
            found += [_entry(space, {**point, NORMALIZE: True}, "normalized") for point in _points(space)]
    return found


def _points(space: Space) -> Iterator[Point]:
    """Yield the different points of the paper's grid, complete; lr, beta and latent_dim have their defaults."""
    seen: list[Point] = []
    for point in space.grid:
        own = space.complete({name: value for name, value in point.items() if name not in COMMON})
        if own not in seen:
            seen.append(own)
            yield own


def _entry(space: Space, point: Point, origin: Origin) -> Entry:
    shown = {name for given in space.grid for name in given if name not in COMMON}
    own = {name: value for name, value in point.items() if name in shown}
    if origin == "estimate":
        own = {name: value for name, value in point.items() if name in (space.lengths or ())}
    words = params_in_words(space.method, own, None, space.lengths or ())
    name = " ".join(
        filter(None, [space.method, words.replace(",", ""), "normalized" if origin == "normalized" else ""])
    )
    return Entry(name=name, origin=origin, configuration=space.configuration(point))
