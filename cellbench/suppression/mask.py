"""Loss masks whose weights fall with the distance to the centre (the paper's section 3.2)."""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from cellbench.geometry import centre_distance, corner_radius
from cellbench.suppression import base
from cellbench.suppression.base import SUPPRESSIONS

Shape = Literal["sqrt", "linear", "quadratic", "cosine", "gaussian", "hard"]

SHAPES: dict[Shape, Callable[[Tensor], Tensor]] = {
    "sqrt": lambda t: (1 - t.sqrt()).clamp_min(0),  # equation 3
    "linear": lambda t: (1 - t).clamp_min(0),  # the wording of the paper's conclusion
    "quadratic": lambda t: (1 - t**2).clamp_min(0),
    "cosine": lambda t: (1 + torch.cos(math.pi * t.clamp_max(1))) / 2,
    "gaussian": lambda t: torch.exp(-2 * t**2),  # r_max is two standard deviations
    "hard": lambda t: (t <= 1).to(t.dtype),
}
"""Weight at distance d as a function of t = d / r_max, for t ≥ 0; values in 0–1."""

MIN_MEAN_WEIGHT = 1e-3
"""Smallest divisor of `normalize`, so that the weights stay finite for an empty map."""


def radial_weights(r_max: Tensor, size: int, native_size: int, shape: Shape, normalize: bool) -> Tensor:
    """Return the weight map of each radius; shape `sqrt` is equation 3 of the paper.

    Args:
        r_max: Radii in native px, shape (B,).
        size: Side of the map in px.
        native_size: Side in native px of the patch that the map covers. A pixel of the map is native_size / size wide.
        shape: How the weight falls from the centre to r_max; see `SHAPES`.
        normalize: Divide each map by max(its mean, 1e-3). Otherwise a small radius shrinks the reconstruction term, and
            the KL term dominates the loss.

    Returns:
        Weights ≥ 0, shape (B, 1, size, size), differentiable with respect to `r_max` except for shape `hard`.
    """
    distance = centre_distance(size, device=r_max.device, dtype=r_max.dtype) * (native_size / size)
    maps = SHAPES[shape](distance / r_max[:, None, None])[:, None]  # (B, 1, size, size)
    return normalised(maps) if normalize else maps


def radius_limits(native_size: int, network_size: int) -> tuple[float, float]:
    """Return the smallest and largest r_max in native px: two network px and the distance to the patch corner.

    Args:
        native_size: Side of the data set's patches in px.
        network_size: Side in px that patches are resized to for training.
    """
    return 2 * native_size / network_size, corner_radius(native_size)


class _Bounded(torch.autograd.Function):
    """Clamping whose gradient does not vanish beyond the limits; see `bounded`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, low: float, high: float, width: float) -> Tensor:
        ctx.save_for_backward(values)
        ctx.limits = low, high, width
        return values.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (values,), (gradient,) = ctx.saved_tensors, gradients
        low, high, width = ctx.limits
        excess = values - values.clamp(low, high)  # negative below, positive above
        outwards = excess * gradient < 0  # descent would move the value further away from the limits
        share = torch.where(outwards, (1 + excess.abs() / width) ** -4, 1)
        return gradient * share, None, None, None


def bounded(values: Tensor, low: float, high: float, width: float) -> Tensor:
    """Return values clamped to [low, high], with a gradient that is nonzero beyond the limits too.

    With `clamp` a learned value that has crossed a limit never returns, because its gradient is 0 there. Here it is the
    gradient at the limit where descent leads back to it. Where descent leads further away, that gradient is multiplied
    by (1 + excess / width)⁻⁴, so that the value stays close to the limit and can return within a few steps. The two
    cases are told apart by the sum of all gradients of the result, so each value should be bounded only once.

    Args:
        values: Values of any shape.
        low: Lower limit.
        high: Upper limit.
        width: Scale of the distance beyond a limit over which the outward gradient falls, above 0.
    """
    result: Tensor = _Bounded.apply(values, low, high, width)
    return result


def normalised(maps: Tensor) -> Tensor:
    """Return maps of shape (B, 1, H, W), each divided by max(its mean, 1e-3)."""
    return maps / maps.mean(dim=(2, 3), keepdim=True).clamp_min(MIN_MEAN_WEIGHT)


class MaskParams(base.SuppressionParams):
    """Hyperparameters of every mask."""

    normalize: bool = Field(
        True,
        description="divide the weights by their mean, which makes radius and beta independent",
        json_schema_extra={"unit": ""},
    )


class ShapedParams(MaskParams):
    """Hyperparameters of a mask whose weight falls from the centre to a radius."""

    shape: Shape = Field(
        "sqrt", description="how the weight falls from the centre to the radius", json_schema_extra={"unit": ""}
    )


class Mask(base.Suppression):
    """Base class of masks whose weight falls from the centre to r_max. Subclasses define `radius`.

    Radii are limited to [2 network px, distance to the patch corner]. A learned radius keeps a gradient beyond both
    limits; see `bounded`.
    """

    Params = ShapedParams
    params: ShapedParams

    @property
    def radius_limits(self) -> tuple[float, float]:
        """Smallest and largest r_max in native px."""
        return radius_limits(self.native_size, self.network_size)

    def limited(self, r_max: Tensor) -> Tensor:
        """Return radii in native px limited to `radius_limits`, with the gradient of `bounded`."""
        low, high = self.radius_limits
        return bounded(r_max, low, high, self.native_size / self.network_size)

    @abstractmethod
    def radius(self, latent: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return r_max and the penalty on it. `weights` limits a radius that is not within the limits.

        Args:
            latent: Latent of the batch, float32, shape (B, latent_dim).
            generator: Source of randomness; None returns the expected radius.

        Returns:
            r_max in native px, shape (1,) or (B,), and a scalar that is added to the loss.
        """

    def weights(self, latent: Tensor, size: int, generator: torch.Generator | None) -> base.Weights:
        """Return the radial weights; see `Suppression.weights`."""
        r_max, penalty = self.radius(latent.float(), generator)
        r_max = self.limited(r_max)
        maps = radial_weights(r_max, size, self.native_size, self.params.shape, self.params.normalize)
        return base.Weights(maps, r_max, penalty)


@SUPPRESSIONS.register("mask_fixed", "loss mask of one fixed radius")
class FixedMask(Mask):
    """A mask with the fixed radius `r_max` ("fixed" in section 3.2)."""

    example_params: ClassVar[dict[str, Any]] = {"r_max": 60.0}

    class Params(ShapedParams):
        """Hyperparameters of the fixed mask."""

        r_max: float = Field(
            ..., gt=0, description="radius of the mask", json_schema_extra={"unit": "px", "auto": "r_max"}
        )

    params: Params

    def radius(self, latent: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return the fixed radius."""
        return latent.new_full((1,), self.params.r_max), latent.new_zeros(())


@SUPPRESSIONS.register("mask_sampled", "loss mask whose radius is drawn once per batch")
class SampledMask(Mask):
    """A mask of radius r_max ~ N(r_mean, r_std²), one draw per batch ("sampled" in section 3.2)."""

    is_random = True
    example_params: ClassVar[dict[str, Any]] = {"r_mean": 60.0, "r_std": 20.0}

    class Params(ShapedParams):
        """Hyperparameters of the sampled mask."""

        r_mean: float = Field(
            ..., gt=0, description="mean radius of the mask", json_schema_extra={"unit": "px", "auto": "r_max"}
        )
        r_std: float = Field(
            ..., ge=0, description="standard deviation of the radius", json_schema_extra={"unit": "px"}
        )

    params: Params

    def radius(self, latent: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return one draw of the radius, or its mean without a generator."""
        r_max = latent.new_full((1,), self.params.r_mean)
        if generator is not None:
            draw = torch.randn((1,), generator=generator, device=latent.device, dtype=latent.dtype)
            r_max = r_max + self.params.r_std * draw
        return r_max, latent.new_zeros(())
