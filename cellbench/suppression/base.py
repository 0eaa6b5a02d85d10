"""What every suppression answers: what the encoder sees, what the decoder reproduces, how much each pixel counts."""

from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from cellbench.registry import Registry

PAPER_SIZE = 256
"""Size in px of the paper's patches: its radii, offsets and crop sizes are px of such a patch."""


class Weights(NamedTuple):
    """How much each pixel of a batch counts in the reconstruction loss.

    Attributes:
        map: Weights ≥ 0, shape (B, 1, H, W), or (1, 1, H, W) where all patches share one map.
        r_max: Radius of each map in native px, shape (B,) or (1,); None where the method has no radius.
        penalty: Scalar that is added to the loss.
    """

    map: Tensor
    r_max: Tensor | None
    penalty: Tensor


class SuppressionParams(BaseModel):
    """Hyperparameters of a suppression; lengths are in native px of the data set."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Suppression(nn.Module):
    """Lowers the influence of what surrounds the centre cell. Subclasses override what they change.

    `view` and `weights` are pure: they keep nothing between calls, run on the device of what they are given and draw
    from the generator they are given.

    Args:
        params: Hyperparameters, lengths in native px.
        native_size: Side in px of the data set's patches.
        network_size: Side in px that patches are trained at.
        latent_dim: Number of latent units (used by suppressions that learn from the latent).
    """

    Params: ClassVar[type[SuppressionParams]] = SuppressionParams
    variational: ClassVar[bool] = True
    """Whether the method trains a VAE; else a plain residual auto-encoder."""
    latent_dim: ClassVar[int] = 256
    """Latent units that the paper gives this method."""
    fraction: ClassVar[float] = 1.0
    """Side of the square that the encoder sees, as a share of the patch."""

    def __init__(self, params: SuppressionParams, native_size: int, network_size: int, latent_dim: int) -> None:
        super().__init__()
        self.params = params
        self.native_size = native_size
        self.network_size = network_size
        self.n_latent = latent_dim

    @property
    def source_size(self) -> int:
        """Side in px of the patches that `view` expects."""
        return self.network_size

    @property
    def view_size(self) -> int:
        """Side in px of what the encoder sees and the decoder draws."""
        return self.network_size

    @property
    def window(self) -> int:
        """Side in native px of the centred square that an evaluated view covers."""
        return round(self.fraction * self.native_size)

    def view(self, patches: Tensor, generator: torch.Generator | None, training: bool) -> tuple[Tensor, Tensor]:
        """Return what the encoder sees and what the decoder must reproduce.

        Args:
            patches: Values in 0–1, shape (B, 3, source_size, source_size).
            generator: Source of randomness, on the device of `patches`; unused in evaluation.
            training: In evaluation the encoder sees the clean patch (of a crop: its centre).

        Returns:
            Inputs and targets, each of shape (B, 3, view_size, view_size).
        """
        return patches, patches

    def weights(self, latent: Tensor, size: int, generator: torch.Generator | None) -> Weights:
        """Return the weight of each pixel.

        Args:
            latent: Latent of the batch, shape (B, latent_dim).
            size: Side in px of the map.
            generator: Source of randomness; None asks for the expected map, as figures and floors do.
        """
        one = latent.new_ones((1, 1, size, size))
        return Weights(one, None, latent.new_zeros(()))

    def evidence(self, targets: Tensor, latent: Tensor) -> Tensor:
        """Return a scalar that is added to the loss: what a radius is learned from beside the reconstruction, or 0.

        Args:
            targets: What the decoder must reproduce, shape (B, 3, view_size, view_size).
            latent: Latent of the batch, shape (B, latent_dim).
        """
        return latent.new_zeros(())


def length_names(method: str) -> list[str]:
    """Return the hyperparameters of a method that are lengths in px."""
    from cellbench.suppression import SUPPRESSIONS

    fields = SUPPRESSIONS.get(method).Params.model_fields
    return [name for name, field in fields.items() if unit_of(field) == "px"]


def unit_of(field: Any) -> str:
    """Return the unit that a hyperparameter's field declares, or an empty text."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


SUPPRESSIONS: Registry[type[Suppression]] = Registry("method", entry_points="cellbench.suppressions")
