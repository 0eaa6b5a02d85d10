"""Hyperparameters as text for people."""

from collections.abc import Collection, Mapping
from typing import Any

from bench.terminal.formatting import length_in_words, value_in_words


def params_in_words(
    method: str, params: Mapping[str, Any], um_per_px: float | None, lengths: Collection[str] | None = None
) -> str:
    """Return hyperparameters as a list. A length has its unit, and is in µm too where the scale is known.

    Args:
        method: Name of the suppression.
        params: Hyperparameters by name, lengths in native px.
        um_per_px: µm per native px; None where it is unknown.
        lengths: Names of the hyperparameters that are lengths; None asks the method, which imports torch.
    """
    if lengths is None:
        from cellbench.suppression.base import length_names

        lengths = length_names(method)
    return ", ".join(
        f"{name} {length_in_words(value, um_per_px) if name in lengths else value_in_words(value)}"
        for name, value in params.items()
    )
