"""Naming many things in one remark without filling the screen."""

from collections.abc import Sequence

SHOWN = 20


def listing(items: Sequence[str]) -> str:
    """Join items, at most 20 of them.

    >>> listing(["a", "b"])
    'a, b'
    """
    shown = ", ".join(items[:SHOWN])
    return shown if len(items) <= SHOWN else f"{shown}, and {len(items) - SHOWN} more"
