"""Read and check search spaces: one YAML file per method in `search_spaces/`."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bench.home.paths import spaces_dir
from bench.space.domains import Scalar
from bench.space.limits import value_fault
from bench.space.space import COMMON, FILE_SIZE, PAPER_METHODS, Space
from cellbench.errors import NotFoundError, SettingError
from cellbench.input_files import load_yaml
from cellbench.registry import nearest
from cellbench.validation import dotted, first_error

SPACES_DIR = spaces_dir()


def space_names() -> list[str]:
    """Return the methods that have a search space: those of the paper in its order, then the others by name."""
    names = {path.stem for path in SPACES_DIR.glob("*.yaml")}
    return [name for name in PAPER_METHODS if name in names] + sorted(names - set(PAPER_METHODS))


def load_space(method: str, path: Path | None = None) -> Space:
    """Read and check the search space of a method.

    Args:
        method: Name of the suppression.
        path: File to read. By default the file that the suppression declares, else `search_spaces/METHOD.yaml`.

    Raises:
        NotFoundError: The method is unknown, or the file does not exist.
        SettingError: The file is not a valid search space of the method. The message names the line.
    """
    from cellbench.suppression import SUPPRESSIONS

    kind = SUPPRESSIONS.get(method)
    path = path or kind.search_space or SPACES_DIR / f"{method}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SettingError(f"{path} is not a UTF-8 text file, so it cannot be a search space.") from None
    except OSError:
        raise NotFoundError(
            f"There is no search space at {path}; write one, or name another with --space FILE."
        ) from None
    node, data = _parse(path, text)
    if not isinstance(data, dict):
        raise SettingError(f"{path} is not a search space; it needs method, parameters and grid, as in search_spaces/.")
    try:
        space = Space.model_validate(data)
    except ValidationError as error:
        raise SettingError(first_error(error, lambda where: _place(path, node, where))) from None
    _check(space, method, path, node)
    return space


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
    for name, domain in space.parameters.items():
        for value in domain.ends:
            if isinstance(value, float) and (fault := value_fault(method, name, value, FILE_SIZE)):
                raise refuse(["parameters", name], f"{fault}.")
    for name, value in space.paper.items():
        if name not in space.parameters:
            raise refuse(["paper", name], f"'{name}' is not a parameter of this space.")
        if isinstance(value, float) and (fault := value_fault(method, name, value, FILE_SIZE)):
            raise refuse(["paper", name], f"{fault}.")
    for kind in ("first", "grid"):
        for number, point in enumerate(getattr(space, kind)):
            for name, value in point.items():
                if name not in space.parameters:
                    raise refuse([kind, number, name], f"'{name}' is not a parameter of this space.")
                if not space.parameters[name].holds(value):
                    raise refuse([kind, number, name], f"{name}: {_text(value)} is not in its range or choices.")


def _place(path: Path, node: yaml.Node | None, where: tuple[int | str, ...]) -> str:
    """Return the file, the line and the name of a value, without the names of the kinds of domains."""
    parts = [part for part in where if part not in ("Range", "Choice", "Constant")]
    return f"{path}, line {_line(node, parts)}: {dotted(tuple(parts)) or 'the file'}"


def _text(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parse(path: Path, text: str) -> tuple[yaml.Node | None, Any]:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader), load_yaml(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingError(f"{path}, line {line}: this is not valid YAML ({error.problem}).") from None
    except RecursionError:
        raise SettingError(f"{path}: this is not valid YAML (it is nested too deeply).") from None
    except (ValueError, yaml.YAMLError) as error:
        raise SettingError(f"{path}: this is not valid YAML ({str(error).splitlines()[0]}).") from None


def _line(node: yaml.Node | None, where: list[Any]) -> int:
    """Return the line of the innermost part of `where` that the file contains."""
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
