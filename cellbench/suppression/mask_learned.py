"""A loss mask that learns its radius together with the auto-encoder, and what other learned masks share."""

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from cellbench.suppression import mask
from cellbench.suppression.base import SUPPRESSIONS

LearnableShape = Literal["sqrt", "linear", "quadratic", "cosine", "gaussian"]


class LearnedParams(mask.ShapedParams):
    """Hyperparameters of every mask with a learned radius."""

    shape: LearnableShape = Field(
        "sqrt",
        description="how the weight falls from the centre to the radius (`hard` has no gradient)",
        json_schema_extra={"unit": ""},
    )


class RadiusHead(nn.Sequential):
    """Two fully connected layers that predict μ and σ of a radius from the latent.

    At the start μ = 1 and σ = 0.1 for every patch, in a unit that the caller chooses.

    Args:
        latent_dim: Number of latent units.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__(nn.Linear(latent_dim, 64), nn.ReLU(), nn.Linear(64, 2))
        last = self[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=1e-3)
        with torch.no_grad():  # μ = 1, σ = softplus(b) = 0.1
            last.bias.copy_(torch.tensor([1.0, math.log(math.expm1(0.1))]))

    def distribution(self, latent: Tensor, unit: float) -> tuple[Tensor, Tensor]:
        """Return μ and σ of each patch's radius in native px, each of shape (B,).

        Args:
            latent: Latent of the batch, shape (B, latent_dim).
            unit: Radius in native px of every patch at the start.
        """
        mean, spread = self(latent).unbind(dim=1)
        return unit * mean, unit * functional.softplus(spread)


def draw(mean: Tensor, std: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return one draw from N(mean, std²) per element, or the means if `generator` is None."""
    if generator is None:
        return mean
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + std * noise


@SUPPRESSIONS.register("mask_learned", "loss mask whose radius a small network predicts from the latent")
class LearnedMask(mask.Mask):
    """A mask of radius r_max ~ N(μ, σ²) per patch, where a small network predicts μ and σ ("learned" in section 3.2).

    The paper states only that its penalty penalises small radii. Here the penalty is
    `penalty` × mean(1 − r_max / distance to the corner); 0 disables it.
    """

    is_random = True

    class Params(LearnedParams):
        """Hyperparameters of the learned mask."""

        penalty: float = Field(
            0.0, ge=0, description="strength of the penalty on small radii; 0 is off", json_schema_extra={"unit": ""}
        )

    params: Params

    def __init__(self, params: Params, native_size: int, network_size: int, latent_dim: int) -> None:
        super().__init__(params, native_size, network_size, latent_dim)
        self.head = RadiusHead(latent_dim)

    def radius(self, latent: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return a draw of each patch's radius and the penalty; see `Mask.radius`."""
        # Limited here, once, so that loss and penalty together decide on which side of a limit the radius ends.
        r_max = self.limited(draw(*self.head.distribution(latent, self.native_size / 2), generator))
        penalty = self.params.penalty * (1 - r_max / self.radius_limits[1]).mean()
        return r_max, penalty
