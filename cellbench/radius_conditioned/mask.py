"""A loss mask whose radius is drawn anew for each patch, and what the network is told of it."""

import math

import torch
from pydantic import Field, model_validator
from torch import Tensor

from cellbench.suppression import base
from cellbench.suppression.mask import Shape, radial_weights, radius_limits

RADII = (20.0, 181.0)
"""Smallest and largest radius that are drawn by default, px of a 256 px patch."""

MID_GREY = 0.5


class RadiusConditionedParams(base.SuppressionParams):
    """Hyperparameters of a training for all radii; lengths in native px."""

    r_low: float = Field(..., gt=0, description="smallest radius that is drawn", json_schema_extra={"unit": "px"})
    r_high: float = Field(..., gt=0, description="largest radius that is drawn", json_schema_extra={"unit": "px"})
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
    """A mask of radius r_max for each patch, log r_max drawn evenly between two radii.

    The encoder sees the patch and, as a fourth channel, the weight map of its radius, divided by its largest value so
    that it lies in 0–1 whatever the radius. Radii are clamped to the limits of a mask.
    """

    Params = RadiusConditionedParams
    params: RadiusConditionedParams

    @property
    def radius_limits(self) -> tuple[float, float]:
        """Smallest and largest radius in native px."""
        return radius_limits(self.native_size, self.network_size)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Return n radii in native px, shape (n,)."""
        low, high = math.log(self.params.r_low), math.log(self.params.r_high)
        share = torch.rand(n, generator=generator, device=generator.device)
        return (low + (high - low) * share).exp().clamp(*self.radius_limits)

    def maps(self, radii: Tensor) -> Tensor:
        """Return the loss weights of each radius in native px, shape (B, 1, view_size, view_size)."""
        return radial_weights(radii, self.view_size, self.native_size, self.params.shape, self.params.normalize)

    def told(self, patches: Tensor, radii: Tensor) -> Tensor:
        """Return patches of shape (B, 3, H, H) with the map of their radius (native px, shape (B,)) as a channel."""
        maps = radial_weights(radii, patches.shape[-1], self.native_size, self.params.shape, normalize=False)
        maps = (maps / maps.amax(dim=(2, 3), keepdim=True)).to(patches.dtype)
        return torch.cat((self.shown(patches, maps), maps), dim=1)

    def shown(self, patches: Tensor, maps: Tensor) -> Tensor:
        """Return what the encoder sees of patches of shape (B, 3, H, H) under maps in 0–1: all of them."""
        return patches

    def in_latent(self, radii: Tensor) -> Tensor:
        """Return what the decoder is told of radii in native px: log(r / half the patch), shape (B, 1)."""
        return (radii / (self.native_size / 2)).log()[:, None]

    def at(self, radius: float) -> "SeenAt":
        """Return patches as seen at one radius in native px."""
        return SeenAt(self, radius)


class RadiusConditionedMasked(RadiusConditioned):
    """As `RadiusConditioned`, but the encoder sees each patch fade to mid-grey with its map, nothing beyond the radius.

    Its curve answers for encoders that are masked likewise: what lies outside the radius cannot reach the latent.
    """

    def shown(self, patches: Tensor, maps: Tensor) -> Tensor:
        """Return patches that fade to mid-grey where the maps fall to 0."""
        return MID_GREY + (patches - MID_GREY) * maps


class SeenAt(base.Suppression):
    """Patches as a network that was trained for all radii sees them at one; for `embed` and the scores.

    Args:
        every: The mask that the network was trained with.
        radius: r_max in native px, clamped to the limits of a mask.
    """

    def __init__(self, every: RadiusConditioned, radius: float) -> None:
        super().__init__(every.params, every.native_size, every.network_size, every.n_latent)
        low, high = every.radius_limits
        self.every, self.radius = every, min(max(radius, low), high)

    def view(self, patches: Tensor, generator: torch.Generator | None, training: bool) -> tuple[Tensor, Tensor]:
        """Return the patches with their map, and the patches; see `Suppression.view`."""
        return self.every.told(patches, patches.new_full((len(patches),), self.radius)), patches

    def weights(self, latent: Tensor, size: int, generator: torch.Generator | None) -> base.Weights:
        """Return the weights of this radius; see `Suppression.weights`."""
        params = self.every.params
        r_max = latent.new_full((1,), self.radius)
        maps = radial_weights(r_max, size, self.native_size, params.shape, params.normalize)
        return base.Weights(maps, r_max, latent.new_zeros(()))
