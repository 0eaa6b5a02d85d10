"""Telling a user of all that is wrong at once, without filling the screen."""

from collections.abc import Sequence

SHOWN = 20


def listing(items: Sequence[str], separator: str = "; ") -> str:
    """Join items, at most 20 of them.

    >>> listing(["a", "b"])
    'a; b'
    """
    shown = separator.join(items[:SHOWN])
    return shown if len(items) <= SHOWN else f"{shown}{separator}and {len(items) - SHOWN} more"
