"""What pydantic refuses, as one sentence for the user."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cellbench.errors import SettingError
from cellbench.registry import nearest

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    M = TypeVar("M", bound=BaseModel)

Path = tuple[int | str, ...]
"""Where a value is in a model: names of fields and positions in lists."""


def dotted(path: Path) -> str:
    """Return a path as text.

    >>> dotted(("grid", 0, "r_max"))
    'grid.0.r_max'
    """
    return ".".join(map(str, path))


def validated(
    model: "type[M]", values: Mapping[str, Any], name: Callable[[Path], str] = dotted, known: Iterable[str] = ()
) -> "M":
    """Return a model with these values.

    Args:
        model: The model.
        values: A value for each field.
        name: Returns what the user calls the value at a path, for example `--batch-size`.
        known: Names that the user may have meant by an unknown one.

    Raises:
        SettingError: A value is missing, unknown or out of range.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingError(first_error(error, name, known)) from None


def first_error(error: "ValidationError", name: Callable[[Path], str] = dotted, known: Iterable[str] = ()) -> str:
    """Return the first problem that pydantic found: where it is, what is expected, and what was given.

    Args:
        error: The error.
        name: Returns what the user calls the value at a path, for example `--batch-size`.
        known: Names that the user may have meant by an unknown one.
    """
    first = error.errors()[0]
    path = first["loc"]
    if not path:  # a rule about several fields; its message names them
        return f"{_reason(first)}."
    if first["type"] == "missing":
        return f"{name(path)} is missing."
    if first["type"] == "extra_forbidden":
        names = list(known)
        return f"{name(path)} is unknown" + (f"; {nearest(str(path[-1]), names)}" if names else ".")
    reason = _reason(first)
    given = first["input"]
    if reason.startswith("must") and isinstance(given, str | int | float):
        return f"{name(path)} {reason}; got {_text(given)}."
    return f"{name(path)} {reason}." if reason.startswith("must") else f"{name(path)}: {reason}."


def _reason(details: "ErrorDetails") -> str:
    text = details["msg"].removeprefix("Value error, ").rstrip(".")
    return "must be " + text.removeprefix("Input should be ") if text.startswith("Input should be ") else text


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else shortened(repr(value))


def shortened(text: str) -> str:
    """Return a text for a message: its first 60 characters, and its length if it has more than 80.

    >>> shortened("12"), len(shortened("9" * 5000))
    ('12', 80)
    """
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"
