"""Suppressions of the surroundings, one file per family."""

from typing import Any

from cellbench.suppression import (
    baselines,
    crop,
    mask,
    mask_auto,
    mask_evidence,
    mask_learned,
    mask_prior,
    mask_profile,
    noise,
)
from cellbench.suppression.base import PAPER_SIZE, SUPPRESSIONS, Suppression, Weights
from cellbench.validation import dotted, validated

__all__ = [
    "PAPER_SIZE",
    "SUPPRESSIONS",
    "Suppression",
    "Weights",
    "baselines",
    "build_suppression",
    "crop",
    "mask",
    "mask_auto",
    "mask_evidence",
    "mask_learned",
    "mask_prior",
    "mask_profile",
    "noise",
]


def build_suppression(
    method: str, params: dict[str, Any], native_size: int, network_size: int, latent_dim: int
) -> Suppression:
    """Return the suppression of that name.

    Args:
        method: A name in `SUPPRESSIONS`.
        params: Its hyperparameters; lengths in native px.
        native_size: Side in px of the data set's patches.
        network_size: Side in px that patches are trained at.
        latent_dim: Number of latent units.

    Raises:
        NotFoundError: There is no such method.
        SettingError: A hyperparameter is unknown, missing or out of range.
    """
    kind = SUPPRESSIONS.get(method)
    known = kind.Params.model_fields
    checked = validated(kind.Params, params, lambda path: f"{method}: {dotted(path)}", known)
    return kind(checked, native_size, network_size, latent_dim)
