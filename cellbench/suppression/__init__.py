"""Suppressions of the surroundings: one file for each method, or for a family of the paper's methods.

A new file in this folder is imported without an edit here. `SUPPRESSIONS` lists the methods by name.
"""

from pathlib import Path
from typing import Any

from cellbench.geometry import PAPER_SIZE
from cellbench.registry import import_modules
from cellbench.suppression.base import SUPPRESSIONS, Suppression, Weights
from cellbench.validation import dotted, validated

__all__ = ["PAPER_SIZE", "SUPPRESSIONS", "Suppression", "Weights", "build_suppression"]

import_modules(__name__, Path(__file__).parent)


def build_suppression(
    method: str, params: dict[str, Any], native_size: int, network_size: int, latent_dim: int
) -> Suppression:
    """Return a suppression by the name of its method.

    Args:
        method: A name in `SUPPRESSIONS`.
        params: Hyperparameters of the method; lengths in native px.
        native_size: Side of the data set's patches in px.
        network_size: Side in px that patches are resized to for training.
        latent_dim: Number of latent units.

    Raises:
        NotFoundError: The method is unknown.
        SettingError: A hyperparameter is unknown, missing or out of range.
    """
    kind = SUPPRESSIONS.get(method)
    known = kind.Params.model_fields
    checked = validated(kind.Params, params, lambda path: f"{method}: {dotted(path)}", known)
    return kind(checked, native_size, network_size, latent_dim)
