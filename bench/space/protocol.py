"""The configurations of the paper's experiment (its section 3.4), and those that are compared with them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from bench.space.domains import Constant, Point, Scalar
from bench.space.formatting import params_in_words
from bench.space.reader import load_space
from bench.space.space import COMMON, FILE_SIZE, Space
from cellbench.errors import SettingError
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
        shared_name: The name with lengths in px of a patch of 256 px, so it is the same on every data set.
        origin: `paper` for one of its 19 configurations, `normalized` for one of its masks with mean weight 1,
            `estimate` for the mask of the estimated radius, `added` for one that the user named.
        configuration: The configuration, lengths in native px.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    shared_name: str
    origin: Origin
    configuration: Configuration


def paper_entries(spaces: Sequence[Space], native_size: int) -> list[Entry]:
    """Return the protocol: the paper's configurations, its masks normalized, and the estimated radius.

    Args:
        spaces: The spaces of the paper's methods and of `mask_auto` in native px, with an estimate in place of each
            `auto`, and with the paper's values of other hyperparameters than those of its grid.
        native_size: Side of the patches in px.
    """
    found = [
        _entry(space, point, "estimate" if space.method == ESTIMATED else "paper", native_size)
        for space in spaces
        for point in _points(space)
    ]
    for space in spaces:
        if NORMALIZE in space.parameters:
            found += [_entry(space, {**point, NORMALIZE: True}, "normalized", native_size) for point in _points(space)]
    return found


def _points(space: Space) -> Iterator[Point]:
    """Yield the different points of the paper's grid, complete; lr, beta and latent_dim have their defaults."""
    seen: list[Point] = []
    for point in space.grid:
        own = space.complete({name: value for name, value in point.items() if name not in COMMON})
        if own not in seen:
            seen.append(own)
            yield own


def _entry(space: Space, point: Point, origin: Origin, native_size: int) -> Entry:
    lengths = space.lengths or ()
    shown = {name for given in space.grid for name in given if name not in COMMON}
    own = {name: value for name, value in point.items() if name in shown}
    of_paper = {
        name: float(value) * FILE_SIZE / native_size if name in lengths else value for name, value in own.items()
    }
    if space.method == ESTIMATED:
        own = {name: value for name, value in point.items() if name in lengths}  # its grid has no radius
    return Entry(
        name=_name(space, own, origin),
        shared_name=_name(space, of_paper, origin),
        origin=origin,
        configuration=space.configuration(point),
    )


def _name(space: Space, shown: Point, origin: Origin) -> str:
    words = params_in_words(space.method, shown, None, space.lengths or ()).replace(",", "")
    return " ".join(filter(None, [space.method, words, "normalized" if origin == "normalized" else ""]))


def added_space(path: Path) -> Space:
    """Return the hyperparameters of a further configuration. Lengths are in px of a 256 px patch, or `auto`.

    Args:
        path: YAML file with `method` and `parameters`.

    Raises:
        SettingError: The file is not a valid configuration. The message names the file.
        NotFoundError: Its method is unknown.
    """
    from cellbench.input_files import MAX_YAML_BYTES, load_yaml, read_text
    from cellbench.suppression import SUPPRESSIONS
    from cellbench.validation import dotted, validated

    try:
        data = load_yaml(read_text(path, MAX_YAML_BYTES))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise SettingError(f"{path} cannot be read as a configuration ({reason}).") from None
    if not isinstance(data, dict):
        raise SettingError(f"{path} is not a configuration; it needs method and parameters.")
    added = validated(_Added, data, lambda place: f"{path}: {dotted(place)}", tuple(_Added.model_fields))
    SUPPRESSIONS.get(added.method)
    parameters = {name: Constant(value=value) for name, value in added.parameters.items()}
    defaults = {n: Constant(value=d.default) for n, d in load_space(added.method).parameters.items()}
    return Space(method=added.method, parameters={**defaults, **parameters}, grid=({},))


def added_entry(name: str, space: Space) -> Entry:
    """Return the entry of a further configuration.

    Args:
        name: Its name.
        space: Its hyperparameters in native px, all constant.
    """
    return Entry(name=name, shared_name=name, origin="added", configuration=space.configuration(space.complete({})))


class _Added(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    parameters: dict[str, Scalar] = {}
