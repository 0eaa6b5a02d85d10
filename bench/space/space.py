"""The search space of a method.

Lengths in a YAML file are in px of a 256 px patch, as in the paper. `Space.scaled` converts them to native px of a data
set. All lengths that a user meets elsewhere are in native px.
"""

from pydantic import BaseModel, ConfigDict, Field

from bench.space.domains import Choice, Constant, Domain, Point, Range, times
from cellbench.training.configuration import Configuration
from cellbench.validation import validated

FILE_SIZE = 256
"""Side in px of the patches that lengths in the files refer to."""
PAPER_METHODS = ("vae", "rae", "noise", "mask_fixed", "mask_sampled", "mask_learned", "crop_small", "crop_medium")
"""The methods that the paper compares; `--method all` means these."""
COMMON = ("lr", "beta", "latent_dim")
"""Hyperparameters that every method has, beside those of its suppression."""


class Space(BaseModel):
    """The hyperparameters of one method and their domains.

    Attributes:
        method: Name of the suppression.
        parameters: Domain of each hyperparameter, by its name.
        first: Points that a sampler tries first, the best known one before the others.
        grid: The paper's grid. A sampler tries it after `first`.
        paper: Values of the paper for other hyperparameters than those of its grid, for `--profile paper`.
        lengths: Names of the hyperparameters that are lengths in native px; None in a file, and in requests that were
            written before this field existed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    parameters: dict[str, Domain]
    first: tuple[Point, ...] = ()
    grid: tuple[Point, ...] = Field(min_length=1)
    paper: Point = {}
    lengths: tuple[str, ...] | None = None

    @property
    def searched(self) -> dict[str, Range | Choice]:
        """The hyperparameters that are not constant."""
        return {name: domain for name, domain in self.parameters.items() if not isinstance(domain, Constant)}

    def complete(self, point: Point) -> Point:
        """Return a point with all hyperparameters; missing ones have their defaults."""
        return {name: point.get(name, domain.default) for name, domain in self.parameters.items()}

    def holds(self, point: Point) -> bool:
        """Return whether a complete point lies in the space."""
        return all(domain.holds(point[name]) for name, domain in self.parameters.items())

    def grid_points(self) -> list[Point]:
        """Return the different points of the grid that lie in the space, complete."""
        return self._inside(self.grid)

    def first_points(self) -> list[Point]:
        """Return the points that a sampler tries first, complete: those of `first`, then those of the grid."""
        return self._inside((*self.first, *self.grid))

    def configuration(self, point: Point) -> Configuration:
        """Return the configuration of a complete point.

        Raises:
            SettingError: A common hyperparameter is out of range.
        """
        common = {name: value for name, value in point.items() if name in COMMON}
        params = {name: value for name, value in point.items() if name not in COMMON}
        values = {"method": self.method, "params": params, **common}
        return validated(Configuration, values, lambda path: f"{self.method}: {path[0]}")

    def scaled(self, native_size: int) -> "Space":
        """Return the space with lengths in native px.

        Args:
            native_size: Side in px of the data set's patches.
        """
        from cellbench.suppression.base import length_names

        factor, lengths = native_size / FILE_SIZE, set(length_names(self.method))

        def point(values: Point) -> Point:
            return {name: times(value, factor) if name in lengths else value for name, value in values.items()}

        return Space(
            method=self.method,
            parameters={n: d.scaled(factor) if n in lengths else d for n, d in self.parameters.items()},
            first=tuple(map(point, self.first)),
            grid=tuple(map(point, self.grid)),
            paper=point(self.paper),
            lengths=tuple(name for name in self.parameters if name in lengths),
        )

    def fixed(self, values: Point) -> "Space":
        """Return the space with some hyperparameters constant, in its points too. Only the grid is tried.

        Args:
            values: Values by the names of hyperparameters.
        """
        constants = {name: Constant(value=value) for name, value in values.items()}
        grid = tuple({name: values.get(name, value) for name, value in point.items()} for point in self.grid)
        return self.model_copy(update={"parameters": {**self.parameters, **constants}, "first": (), "grid": grid})

    def _inside(self, points: tuple[Point, ...]) -> list[Point]:
        found: list[Point] = []
        for point in map(self.complete, points):
            if self.holds(point) and point not in found:
                found.append(point)
        return found


def radius_name(space: Space) -> str | None:
    """Return the name of the radius: the first searched length whose name starts with `r_`; None if there is none."""
    from cellbench.suppression.base import length_names

    lengths = set(length_names(space.method))
    return next((name for name in space.searched if name in lengths and name.startswith("r_")), None)
