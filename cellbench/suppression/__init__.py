"""Suppressions of the surroundings, one file per family."""

from typing import Any

from pydantic import ValidationError

from cellbench.errors import SettingError
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
    try:
        checked = kind.Params(**params)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        known = ", ".join(kind.Params.model_fields) or "none"
        if first["type"] == "extra_forbidden":
            raise SettingError(f"{method} has no parameter {name!r}; it takes: {known}.") from None
        if first["type"] == "missing":
            raise SettingError(f"{method} needs the parameter {name!r}; it takes: {known}.") from None
        reason = first["msg"].removeprefix("Value error, ").lower()
        raise SettingError(f"{method} refuses {name}={first['input']}: {reason}.") from None
    return kind(checked, native_size, network_size, latent_dim)
