"""Hyperparameters and scores as people read them: lengths in px and µm, numbers with their spread."""

from collections.abc import Mapping
from typing import Any


def value_in_words(value: Any) -> str:
    """Return a hyperparameter's value as it is typed.

    >>> value_in_words(0.0004), value_in_words(True), value_in_words("sqrt"), value_in_words(256.0)
    ('0.0004', 'true', 'sqrt', '256')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{rounded(value):g}" if isinstance(value, float | int) else str(value)


def params_in_words(method: str, params: Mapping[str, Any], um_per_px: float | None) -> str:
    """Return hyperparameters as a list, lengths with their unit and in µm where that is known.

    Args:
        method: Name of the suppression.
        params: Hyperparameters by name, lengths in native px.
        um_per_px: µm per native px, if known.
    """
    from cellbench.suppression.base import length_names

    lengths = set(length_names(method))
    parts = []
    for name, value in params.items():
        shown = length_in_words(value, um_per_px) if name in lengths else value_in_words(value)
        parts.append(f"{name} {shown}")
    return ", ".join(parts)


def length_in_words(value: float, um_per_px: float | None) -> str:
    """Return a length in native px, and in µm where that is known.

    >>> length_in_words(70.25, None), length_in_words(70, 0.1)
    ('70.25 px', '70 px (7.0 µm)')
    """
    return f"{value_in_words(value)} px" + ("" if um_per_px is None else f" ({value * um_per_px:.1f} µm)")


def lengths_in_words(low: float, high: float, um_per_px: float | None) -> str:
    """Return a range of lengths in whole native px, and in µm where that is known.

    >>> lengths_in_words(84.2, 127, None), lengths_in_words(8.26, 12.71, 0.1)
    ('84 to 127 px', '8.3 to 12.7 px (0.8 to 1.3 µm)')
    """
    digits = 0 if low >= 20 else 1
    um = "" if um_per_px is None else f" ({low * um_per_px:.1f} to {high * um_per_px:.1f} µm)"
    return f"{low:.{digits}f} to {high:.{digits}f} px{um}"


def with_spread(mean: float, spread: float | None) -> str:
    """Return a mean and its standard deviation.

    >>> with_spread(0.71234, 0.0123), with_spread(0.5, None)
    ('0.712 ± 0.012', '0.500')
    """
    return f"{mean:.3f}" if spread is None else f"{mean:.3f} ± {spread:.3f}"


SIGNIFICANT = 4
"""Digits that values keep: more of them would say more than any search can know."""


def rounded(value: float) -> float:
    """Return a number with four significant digits.

    >>> rounded(43.82736), rounded(0.00123456)
    (43.83, 0.001235)
    """
    return float(f"{value:.{SIGNIFICANT}g}")


def duration(seconds: float) -> str:
    """Return a length of time as people say it.

    >>> duration(7.2), duration(95), duration(3_725)
    ('7 s', '1 min 35 s', '1 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(number: int, what: str) -> str:
    """Return a number of things.

    >>> counted(1, "trial"), counted(6, "trial")
    ('1 trial', '6 trials')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"
