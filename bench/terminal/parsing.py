"""Typed texts as numbers.

The functions raise `ValueError` with a text that begins with "must", which follows the name of the option in the
message to the user.
"""

import math
import re
from typing import Annotated, Any, Literal
from unicodedata import normalize

from pydantic import BeforeValidator

from cellbench.errors import SettingError

LAST_PORT = 65_535
LONGEST_S = 3.6e7
"""Longest duration that can be typed, s: 10 000 hours."""
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


def seconds(text: str) -> float:
    """Return the seconds of a duration written as `90s`, `30m`, `1h30m` or a number of seconds.

    `pandas.Timedelta` does not read `1h30`, reads negative durations and empty texts, prints warnings for `1H`, and
    takes 0.7 s to import before a mistake can be reported. So this is a regular expression.

    >>> seconds("1h30m"), seconds("45")
    (5400.0, 45.0)

    Args:
        text: The typed text.

    Raises:
        ValueError: The text is not a duration, or it is not between 0 and 10 000 hours.
    """
    parts = _DURATION.fullmatch(text.strip())
    found = (
        sum(float(part or 0) * unit for part, unit in zip(parts.groups(), (3600, 60, 1), strict=True)) if parts else 0
    )
    if not 0 < found <= LONGEST_S:
        raise ValueError("must be a duration such as 90s, 30m or 1h30m, at most 10000h")
    return found


def is_whole(text: str) -> bool:
    """Return whether a text is a whole number of up to nine ASCII digits."""
    return text.isascii() and text.isdecimal() and len(text) <= 9


def whole(text: str) -> int | Literal["auto"]:
    """Return a whole number from 1 on, or `auto`.

    Raises:
        ValueError: The text is neither.
    """
    if text == "auto":
        return "auto"
    if not is_whole(text):
        raise ValueError("must be auto or a whole number")
    if int(text) == 0:
        raise ValueError("must be auto or at least 1")
    return int(text)


def number(text: str) -> float | Literal["auto"]:
    """Return 0, a number from 0.001 to 10 000, or `auto`.

    Raises:
        ValueError: The text is neither.
    """
    if text == "auto":
        return "auto"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError("must be auto or a number such as 0.25")
    if value != 0 and not 0.001 <= value <= 10_000:
        raise ValueError("must be auto, 0, or 0.001 to 10000")
    return value


def cluster_address(text: str) -> str:
    """Return the address of a Ray cluster, `auto` or HOST:PORT.

    Raises:
        ValueError: The text is neither.
    """
    if "@" in text:
        # No "must …": the value, which follows such a reason, would show the password.
        raise ValueError("an address has no user name or password in it; write HOST:PORT, and set RAY_AUTH_TOKEN")
    host, _, port = text.removeprefix("ray://").rpartition(":")
    if text != "auto" and (not host or not is_whole(port) or not 0 < int(port) <= LAST_PORT):
        raise ValueError("must be auto or HOST:PORT, for example 10.0.0.1:6379")
    return text


def numbers(text: str) -> list[float]:
    """Return the numbers of a list such as `40,70,100`, each once.

    Raises:
        ValueError: A part of the text is not a number.
    """
    try:
        return list(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise ValueError("must be numbers separated by commas, for example 40,70,100") from None


def pairs(entries: list[str], option: str, form: str = "OLD=NEW") -> dict[str, str]:
    """Return a dictionary of entries such as `OLD=NEW`.

    Args:
        entries: The typed texts.
        option: The option that they were typed for.
        form: What an entry looks like, for the message.

    Raises:
        SettingError: An entry has no `=`, or a name is given twice.
    """
    found: dict[str, str] = {}
    for entry in entries:
        old, _, new = (part.strip() for part in entry.partition("="))
        if not old or not new:
            raise SettingError(f"{option} must be {form}; got {entry!r}.")
        if old in found:
            raise SettingError(f"{option} names {old!r} twice; name each only once.")
        found[old] = new
    return found


def orders(typed: list[str] | None) -> list[list[str]] | None:
    """Return orders of classes; None where the option was not typed. An empty text is no order.

    >>> orders(["PMY, MY", ""])
    [['PMY', 'MY']]
    """
    if typed is None:
        return None
    return [[normalize("NFC", name.strip()) for name in one.split(",")] for one in typed if one.strip()]


def frequencies(typed: str | None) -> dict[str, float] | None:
    """Return class frequencies; None where the option was not typed. An empty text is none.

    >>> frequencies("PMY=3, MY=12.5")
    {'PMY': 3.0, 'MY': 12.5}

    Raises:
        SettingError: The text has another form, or names a class twice.
    """
    if typed is None:
        return None
    option, form = "--class-frequencies", "NAME=NUMBER,NAME=NUMBER"
    found = pairs(typed.split(",") if typed.strip() else [], option, form)
    try:
        return {normalize("NFC", name): float(value) for name, value in found.items()}
    except ValueError:
        raise SettingError(f"{option} must be {form}; got {typed!r}.") from None


def _typed(parse: Any) -> BeforeValidator:
    """Return a validator that parses a text, and leaves any other value to the type."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


Seconds = Annotated[float, _typed(seconds)]
"""A duration, s."""
WholeOrAuto = Annotated[int | Literal["auto"], _typed(whole)]
NumberOrAuto = Annotated[float | Literal["auto"], _typed(number)]
Numbers = Annotated[list[float], _typed(numbers)]
"""Numbers typed as one text, separated by commas."""
FromDigits = _typed(lambda text: int(text) if is_whole(text) else text)
"""For a `Literal` of integers, which pydantic does not read from text."""
