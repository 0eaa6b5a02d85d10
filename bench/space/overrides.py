"""`--set NAME=VALUES`: replace domains of a search space, lengths in native px."""

import math
from collections.abc import Sequence

from bench.space.domains import Choice, Constant, Point, Range, Scalar, as_scalar
from bench.space.estimates import AUTO, auto_names
from bench.space.space import Space
from bench.terminal.formatting import rounded
from cellbench.errors import NotFoundError, SettingError
from cellbench.registry import nearest
from cellbench.validation import shortened

HINT = "write NAME=LOW..HIGH, NAME=VALUE or NAME=VALUE,VALUE"


def with_paper_values(spaces: Sequence[Space], settings: Sequence[str]) -> list[Space]:
    """Return the spaces with the values of the paper, except for hyperparameters that a setting names.

    Args:
        spaces: Spaces in native px.
        settings: The typed texts of `--set`, which `override` reads.
    """
    typed = {text.partition("=")[0].strip() for text in settings}
    kept = [{name: value for name, value in space.paper.items() if name not in typed} for space in spaces]
    return [space.fixed(values) if values else space for space, values in zip(spaces, kept, strict=True)]


def override(spaces: Sequence[Space], settings: Sequence[str]) -> list[Space]:
    """Return the spaces with domains replaced.

    A range keeps the scale (linear or log) of the range that it replaces. A single value makes the hyperparameter
    constant, in the points of the grid too. Points of the grid outside the new domain are dropped.

    Args:
        spaces: Spaces in native px. Each setting changes all spaces that have the hyperparameter.
        settings: Texts such as `r_max=30..120`, `beta=0.001`, `shape=sqrt,linear`.

    Raises:
        NotFoundError: No space has a hyperparameter of that name.
        SettingError: A text cannot be read, or its values do not fit the hyperparameter.
    """
    for text in settings:
        name, separator, values = (part.strip() for part in text.partition("="))
        if not separator or not name or not values or not values.isascii():  # float() reads digits of any script
            raise SettingError(f"--set {text} cannot be read; {HINT}.")
        if not any(name in space.parameters for space in spaces):
            known = sorted({name for space in spaces for name in space.parameters})
            methods = ", ".join(space.method for space in spaces)
            raise NotFoundError(f"--set {text}: {methods} has no parameter '{name}'; {nearest(name, known)}")
        spaces = [_replaced(space, name, values, text) if name in space.parameters else space for space in spaces]
    return list(spaces)


def _replaced(space: Space, name: str, values: str, text: str) -> Space:
    old = space.parameters[name]
    if values == AUTO and name in auto_names(space.method):
        new: Range | Choice | Constant = Constant(value=AUTO)
    else:
        new = _domain(name, old, values, text, name in (space.lengths or ()))

    def point(values: Point) -> Point:
        return {**values, name: new.value} if isinstance(new, Constant) and name in values else values

    return Space(
        method=space.method,
        parameters={**space.parameters, name: new},
        first=tuple(map(point, space.first)),
        grid=tuple(map(point, space.grid)),
        paper=space.paper,
        lengths=space.lengths,
    )


def _domain(
    name: str, old: Range | Choice | Constant, values: str, text: str, is_length: bool
) -> Range | Choice | Constant:
    if ".." in values:
        low, _, high = values.partition("..")
        try:
            ends = float(low), float(high)
        except ValueError:
            raise SettingError(f"--set {text}: {low!r} to {high!r} is not a range of numbers; {HINT}.") from None
        if not all(map(math.isfinite, ends)):
            raise SettingError(f"--set {shortened(text)}: the ends of a range must be finite numbers.")
        if not ends[0] < ends[1]:
            raise SettingError(f"--set {text}: the range must increase, got {ends[0]:g} to {ends[1]:g}.")
        if old.default == AUTO and is_length:
            return Range(low=ends[0], high=ends[1], log=ends[0] > 0, default=_middle(*ends))
        if not isinstance(old.default, float):
            raise SettingError(f"--set {text}: {name} has no range; its values are like {_text(old.default)!r}.")
        log = ends[0] > 0 and (name in ("lr", "beta") or (isinstance(old, Range) and old.log))
        return Range(low=ends[0], high=ends[1], log=log, default=min(max(old.default, ends[0]), ends[1]))
    found = [_scalar(value.strip(), old.default, text) for value in values.split(",")]
    if len(found) != len(set(found)):
        raise SettingError(f"--set {text}: a value is given twice; give each once.")
    return Constant(value=found[0]) if len(found) == 1 else Choice(choices=tuple(found))


def _middle(low: float, high: float) -> float:
    """Return the middle of a range: on a log scale where that is possible."""
    return rounded((low * high) ** 0.5) if low > 0 else (low + high) / 2


def _scalar(value: str, like: Scalar, text: str) -> Scalar:
    if isinstance(like, bool):
        if value.lower() not in ("true", "false"):
            raise SettingError(f"--set {text}: {value!r} is neither true nor false.")
        return value.lower() == "true"
    try:
        found: Scalar = as_scalar(value)
    except ValueError:
        raise SettingError(
            f"--set {shortened(text)}: {shortened(value)!r} is beyond the largest number, 1e308."
        ) from None
    if isinstance(like, float) and not isinstance(found, float) and value != "elbo":
        raise SettingError(f"--set {text}: {value!r} is not a number; {HINT}.")
    return found


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
