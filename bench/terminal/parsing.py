"""Texts that were typed, as numbers."""

import math
import re
from typing import Literal

from cellbench.errors import SettingError

LONGEST_S = 3.6e7


def seconds(text: str, option: str) -> float:
    """Return a length of time written as `90s`, `30m`, `1h30m` or a number of seconds.

    >>> seconds("1h30m", "--time-budget"), seconds("45", "--time-budget")
    (5400.0, 45.0)

    Args:
        text: What was typed.
        option: The option that it was typed for.

    Raises:
        SettingError: It is written otherwise, or not above 0.
    """
    parts = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    found = (
        sum(float(part or 0) * unit for part, unit in zip(parts.groups(), (3600, 60, 1), strict=True)) if parts else 0
    )
    if not 0 < found <= LONGEST_S:
        raise SettingError(f"{option} {text!r} is no length of time; write 90s, 30m or 1h30m, up to 10000h.")
    return found


def is_whole(text: str) -> bool:
    """Whether a text is a whole number of up to nine digits, in those that Python counts with."""
    return text.isascii() and text.isdecimal() and len(text) <= 9


def whole(option: str, text: str) -> int | Literal["auto"]:
    """Return a whole number, or `auto`.

    Raises:
        SettingError: It is neither.
    """
    if text == "auto":
        return "auto"
    if not is_whole(text):
        raise SettingError(f"{option} {text}: write auto or a whole number.")
    return int(text)


def number(option: str, text: str) -> float | Literal["auto"]:
    """Return a finite number, or `auto`.

    Raises:
        SettingError: The text is neither.
    """
    if text == "auto":
        return "auto"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SettingError(f"{option} {text}: write auto or a number such as 0.25.")
    return value
