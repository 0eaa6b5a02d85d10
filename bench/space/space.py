"""Search spaces: one readable YAML file per method, checked, and scaled to a data set.

A file holds lengths in px of a 256 px patch, as the paper does. `Space.scaled` turns them into native px of a data
set; from there on every length that a user meets is in native px.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.space.domains import Choice, Constant, Domain, Point, Range, Scalar, times
from cellbench.training.configuration import Configuration
from cellbench.errors import NotFoundError, SettingError
from cellbench.registry import nearest

SPACES_DIR = Path(__file__).resolve().parents[1] / "search_spaces"
FILE_SIZE = 256
"""Side in px of the patches that the files speak of."""
PAPER_METHODS = ("vae", "rae", "noise", "mask_fixed", "mask_sampled", "mask_learned", "crop_small", "crop_medium")
"""The methods that the paper compares: what `--method all` stands for."""
COMMON = ("lr", "beta", "latent_dim")
LARGEST_LR = 1.0
"""Adam moves each weight by about the learning rate: more than this can only diverge."""
"""Hyperparameters that every method has, beside those of its suppression."""


class Space(BaseModel):
    """The hyperparameters of one method and where they may lie.

    Attributes:
        method: Name of the suppression.
        parameters: Domain of each hyperparameter, by its name.
        first: Points that a sampler tries before it samples, the best known first.
        grid: The paper's grid; a sampler tries it after `first`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    parameters: dict[str, Domain]
    first: tuple[Point, ...] = ()
    grid: tuple[Point, ...] = Field(min_length=1)

    @property
    def searched(self) -> dict[str, Range | Choice]:
        """The hyperparameters that are not constant."""
        return {name: domain for name, domain in self.parameters.items() if not isinstance(domain, Constant)}

    def complete(self, point: Point) -> Point:
        """Return a point with every hyperparameter, missing ones at their defaults."""
        return {name: point.get(name, domain.default) for name, domain in self.parameters.items()}

    def holds(self, point: Point) -> bool:
        """Whether a complete point lies in the space."""
        return all(domain.holds(point[name]) for name, domain in self.parameters.items())

    def grid_points(self) -> list[Point]:
        """Return the grid's points that lie in the space, complete, none twice."""
        return self._inside(self.grid)

    def first_points(self) -> list[Point]:
        """Return what a sampler tries first: the best known points, then the grid."""
        return self._inside((*self.first, *self.grid))

    def configuration(self, point: Point) -> Configuration:
        """Return the configuration of a complete point.

        Raises:
            SettingError: A value is out of the range that every method shares.
        """
        common = {name: value for name, value in point.items() if name in COMMON}
        params = {name: value for name, value in point.items() if name not in COMMON}
        try:
            return Configuration.model_validate({"method": self.method, "params": params, **common})
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingError(
                f"{self.method} refuses {first['loc'][0]}={first['input']}: {first['msg'].lower()}."
            ) from None

    def scaled(self, native_size: int) -> "Space":
        """Return the space with lengths in native px of a data set whose patches have this side."""
        factor, lengths = native_size / FILE_SIZE, set(length_names(self.method))

        def point(values: Point) -> Point:
            return {name: times(value, factor) if name in lengths else value for name, value in values.items()}

        return Space(
            method=self.method,
            parameters={n: d.scaled(factor) if n in lengths else d for n, d in self.parameters.items()},
            first=tuple(map(point, self.first)),
            grid=tuple(map(point, self.grid)),
        )

    def _inside(self, points: tuple[Point, ...]) -> list[Point]:
        found: list[Point] = []
        for point in map(self.complete, points):
            if self.holds(point) and point not in found:
                found.append(point)
        return found


def space_names() -> list[str]:
    """Return the methods that have a search space: those of the paper in its order, then the others."""
    names = {path.stem for path in SPACES_DIR.glob("*.yaml")}
    return [name for name in PAPER_METHODS if name in names] + sorted(names - set(PAPER_METHODS))


def load_space(method: str, path: Path | None = None) -> Space:
    """Read and check the search space of a method.

    Args:
        method: Name of the suppression.
        path: File to read; the method's own in `search_spaces/` by default.

    Raises:
        NotFoundError: There is no such method, or it has no file.
        SettingError: The file is no search space of that method; the message says which line.
    """
    from cellbench.suppression import SUPPRESSIONS

    SUPPRESSIONS.get(method)
    path = SPACES_DIR / f"{method}.yaml" if path is None else path
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SettingError(f"{path} is no text file in UTF-8, so it is no search space.") from None
    except OSError:
        raise NotFoundError(f"There is no search space at {path}; write one, or name one by --space FILE.") from None
    node, data = _parse(path, text)
    try:
        space = Space.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = [part for part in first["loc"] if part not in ("Range", "Choice", "Constant")]
        reason = first["msg"].removeprefix("Value error, ")
        name = ".".join(map(str, where)) or "the file"
        raise SettingError(f"{path}, line {_line(node, where)}: {name}: {reason}.") from None
    _check(space, method, path, node)
    return space


def length_names(method: str) -> list[str]:
    """Return the hyperparameters of a method that are lengths in px."""
    from cellbench.suppression import SUPPRESSIONS

    fields = SUPPRESSIONS.get(method).Params.model_fields
    return [name for name, field in fields.items() if unit_of(field) == "px"]


def unit_of(field: Any) -> str:
    """Return the unit that a hyperparameter's field declares, or an empty text."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def check_values(space: Space, native_size: int, network_size: int = 32) -> None:
    """Check that the method accepts every end and choice of a space in native px.

    Raises:
        SettingError: It does not.
    """
    from cellbench.suppression import build_suppression

    corner = native_size / 2**0.5
    lengths = set(length_names(space.method))
    for name, domain in space.parameters.items():
        for value in domain.ends:
            if name in lengths and isinstance(value, float) and value > corner:
                raise SettingError(
                    f"{space.method}: {name}={value:g} px lies outside a patch of {native_size} px, "
                    f"whose corners are {corner:.0f} px from its centre."
                )
            if name == "lr" and isinstance(value, float) and value > LARGEST_LR:
                raise SettingError(f"{space.method} refuses lr={value:g}: it should be at most {LARGEST_LR:g}.")
            configuration = space.configuration({**space.complete({}), name: value})
            params = dict(configuration.params)
            build_suppression(space.method, params, native_size, network_size, configuration.latent_dim)


def _check(space: Space, method: str, path: Path, node: yaml.Node | None) -> None:
    from cellbench.suppression import SUPPRESSIONS

    def refuse(where: list[Any], reason: str) -> SettingError:
        return SettingError(f"{path}, line {_line(node, where)}: {reason}")

    if space.method != method:
        raise refuse(["method"], f"this is the space of {space.method}, not of {method}.")
    fields = SUPPRESSIONS.get(method).Params.model_fields
    known = [*fields, *COMMON]
    for name in space.parameters:
        if name not in known:
            raise refuse(["parameters", name], f"{method} has no parameter '{name}'; {nearest(name, known)}")
    for name, field in fields.items():
        if field.is_required() and name not in space.parameters:
            raise refuse(["parameters"], f"the parameter '{name}' of {method} is missing.")
    for kind in ("first", "grid"):
        for number, point in enumerate(getattr(space, kind)):
            for name, value in point.items():
                if name not in space.parameters:
                    raise refuse([kind, number, name], f"'{name}' is no parameter of this space.")
                if not space.parameters[name].holds(value):
                    raise refuse([kind, number, name], f"{name}: {_text(value)} lies outside its range or choices.")


def _text(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parse(path: Path, text: str) -> tuple[yaml.Node | None, Any]:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingError(f"{path}, line {line}: this is no YAML ({error.problem}).") from None
    except yaml.YAMLError as error:
        raise SettingError(f"{path}: this is no YAML ({error}).") from None


def _line(node: yaml.Node | None, where: list[Any]) -> int:
    """Return the line of the innermost part of `where` that stands in the file."""
    line = 1
    for part in where:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
