"""A loss mask with a random radius for each patch, and the inputs that give this radius to the network."""

import math

import torch
from pydantic import Field, model_validator
from torch import Tensor

from cellbench.suppression import base
from cellbench.suppression.mask import Shape, radial_weights, radius_limits

RADII = (20.0, 181.0)
"""Default range of the radii that are drawn, px of a 256 px patch."""

MID_GREY = 0.5
"""Value of pixels that the encoder does not see, 0–1."""


class RadiusConditionedParams(base.SuppressionParams):
    """Hyperparameters of a radius-conditioned training; lengths in native px."""

    r_low: float = Field(..., gt=0, description="smallest radius to draw", json_schema_extra={"unit": "px"})
    r_high: float = Field(..., gt=0, description="largest radius to draw", json_schema_extra={"unit": "px"})
    normalize: bool = Field(
        True, description="divide the weights of the loss by their mean", json_schema_extra={"unit": ""}
    )
    shape: Shape = Field(
        "sqrt", description="how the weight falls from the centre to the radius", json_schema_extra={"unit": ""}
    )

    @model_validator(mode="after")
    def _ordered(self) -> "RadiusConditionedParams":
        if self.r_low > self.r_high:
            raise ValueError(f"r_low={self.r_low:g} should not lie above r_high={self.r_high:g}")
        return self


class RadiusConditioned(base.Suppression):
    """A mask with a random radius for each patch, uniform on a log scale.

    The encoder sees the patch and, as a fourth channel, the weight map of its radius. The map is divided by its largest
    value, so that it lies in 0–1 at every radius. Radii are clamped to the limits of a mask.
    """

    Params = RadiusConditionedParams
    params: RadiusConditionedParams

    @property
    def radius_limits(self) -> tuple[float, float]:
        """Smallest and largest radius of a mask, native px."""
        return radius_limits(self.native_size, self.network_size)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n radii in native px, shape (n,)."""
        low, high = math.log(self.params.r_low), math.log(self.params.r_high)
        share = torch.rand(n, generator=generator, device=generator.device)
        return (low + (high - low) * share).exp().clamp(*self.radius_limits)

    def maps(self, radii: Tensor) -> Tensor:
        """Return the loss weights of each radius.

        Args:
            radii: Radii in native px, shape (B,).

        Returns:
            Weights ≥ 0, shape (B, 1, view_size, view_size).
        """
        return radial_weights(radii, self.view_size, self.native_size, self.params.shape, self.params.normalize)

    def encoder_input(self, patches: Tensor, radii: Tensor) -> Tensor:
        """Return what the encoder sees: the patches, and the map of their radius as a fourth channel.

        Args:
            patches: Patches, 0–1, shape (B, 3, H, H).
            radii: Radius of each patch in native px, shape (B,).

        Returns:
            Patches and maps, 0–1, shape (B, 4, H, H).
        """
        maps = radial_weights(radii, patches.shape[-1], self.native_size, self.params.shape, normalize=False)
        maps = (maps / maps.amax(dim=(2, 3), keepdim=True)).to(patches.dtype)
        return torch.cat((self.visible(patches, maps), maps), dim=1)

    def visible(self, patches: Tensor, maps: Tensor) -> Tensor:
        """Return the colours that the encoder sees: the patches unchanged.

        Args:
            patches: Patches, 0–1, shape (B, 3, H, H).
            maps: Map of each patch, 0–1, shape (B, 1, H, H).
        """
        return patches

    def decoder_input(self, radii: Tensor) -> Tensor:
        """Return the input of the decoder in addition to the latent: log(radius / half the patch), shape (B, 1).

        Args:
            radii: Radii in native px, shape (B,).
        """
        return (radii / (self.native_size / 2)).log()[:, None]

    def at(self, radius: float) -> "FixedRadius":
        """Return the suppression that shows patches at one radius in native px."""
        return FixedRadius(self, radius)


class RadiusConditionedMasked(RadiusConditioned):
    """Like `RadiusConditioned`, but the patches that the encoder sees fade to mid-grey with their map.

    Nothing outside the radius can reach the latent. The curve is therefore that of an encoder with masked input.
    """

    def visible(self, patches: Tensor, maps: Tensor) -> Tensor:
        """Return the patches, faded to mid-grey where the maps fall to 0; see `RadiusConditioned.visible`."""
        return MID_GREY + (patches - MID_GREY) * maps


class FixedRadius(base.Suppression):
    """Patches as a radius-conditioned network sees them at one radius, for `embed` and the scores.

    Args:
        conditioned: Suppression of the training.
        radius: r_max in native px, clamped to the limits of a mask.
    """

    def __init__(self, conditioned: RadiusConditioned, radius: float) -> None:
        super().__init__(conditioned.params, conditioned.native_size, conditioned.network_size, conditioned.n_latent)
        low, high = conditioned.radius_limits
        self.conditioned, self.radius = conditioned, min(max(radius, low), high)

    def view(self, patches: Tensor, generator: torch.Generator | None, training: bool) -> tuple[Tensor, Tensor]:
        """Return the patches with their map as inputs and the patches as targets; see `Suppression.view`."""
        return self.conditioned.encoder_input(patches, patches.new_full((len(patches),), self.radius)), patches

    def weights(self, latent: Tensor, size: int, generator: torch.Generator | None) -> base.Weights:
        """Return the loss weights of this radius; see `Suppression.weights`."""
        params = self.conditioned.params
        r_max = latent.new_full((1,), self.radius)
        maps = radial_weights(r_max, size, self.native_size, params.shape, params.normalize)
        return base.Weights(maps, r_max, latent.new_zeros(()))
