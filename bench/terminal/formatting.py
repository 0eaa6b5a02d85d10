"""Numbers, lengths and durations as text for people."""

from typing import Any

SIGNIFICANT = 4
"""Significant digits of values that a search proposes or prints."""


def value_in_words(value: Any) -> str:
    """Return the value of a hyperparameter as it is typed.

    >>> value_in_words(0.0004), value_in_words(True), value_in_words("sqrt"), value_in_words(256.0)
    ('0.0004', 'true', 'sqrt', '256')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{rounded(value):g}" if isinstance(value, float | int) else str(value)


def length_in_words(value: float, um_per_px: float | None) -> str:
    """Return a length in native px, and in µm where the scale is known.

    >>> length_in_words(70.25, None), length_in_words(70, 0.1)
    ('70.25 px', '70 px (7.0 µm)')
    """
    return f"{value_in_words(value)} px" + ("" if um_per_px is None else f" ({value * um_per_px:.1f} µm)")


def lengths_in_words(low: float, high: float, um_per_px: float | None) -> str:
    """Return a range of lengths in native px, and in µm where the scale is known. From 20 px on, px are whole.

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


def share_in_words(share: float | None) -> str:
    """Return a share of the way from floor to ceiling in per cent; a dash where there is none.

    >>> share_in_words(0.344), share_in_words(-0.5), share_in_words(None)
    ('34 %', '−50 %', '–')
    """
    return "–" if share is None else f"{100 * share:.0f} %".replace("-0 %", "0 %").replace("-", "−")


def rounded(value: float) -> float:
    """Return a number with four significant digits.

    >>> rounded(43.82736), rounded(0.00123456)
    (43.83, 0.001235)
    """
    return float(f"{value:.{SIGNIFICANT}g}")


def duration(seconds: float) -> str:
    """Return a duration in its two largest units.

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
    """Return a number and its noun, in the plural where needed.

    >>> counted(1, "trial"), counted(6, "trial")
    ('1 trial', '6 trials')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"
