"""A loss mask with a learned radius and a prior on it, which keeps the radius near the estimated cell size."""

import math
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from cellbench.suppression import mask, mask_learned
from cellbench.suppression.base import SUPPRESSIONS


@SUPPRESSIONS.register("mask_prior", "loss mask whose learned radius has a prior, centred on the estimate")
class PriorMask(mask.Mask):
    """A mask of radius r_max ~ N(μ, σ²) per patch, with the prior N(r_prior, (spread·r_prior)²).

    A small network predicts μ and σ from the latent. The loss includes `prior_beta` × the Kullback-Leibler divergence
    of the radius from its prior. The radius starts at the prior's mean. Unlike the paper's penalty, the prior penalises
    radii that are too small and radii that are too large.
    """

    is_random = True
    example_params: ClassVar[dict[str, Any]] = {"r_prior": 60.0}

    class Params(mask_learned.LearnedParams):
        """Hyperparameters of the mask."""

        r_prior: float = Field(
            ..., gt=0, description="mean of the prior of the radius", json_schema_extra={"unit": "px", "auto": "r_max"}
        )
        spread: float = Field(
            0.2,
            gt=0,
            description="standard deviation of the prior, as a fraction of its mean",
            json_schema_extra={"unit": ""},
        )
        prior_beta: float = Field(
            0.01, ge=0, description="weight of the radius' divergence from its prior", json_schema_extra={"unit": ""}
        )

    params: Params

    def __init__(self, params: Params, native_size: int, network_size: int, latent_dim: int) -> None:
        super().__init__(params, native_size, network_size, latent_dim)
        self.head = mask_learned.RadiusHead(latent_dim)

    def radius(self, latent: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return a draw of each patch's radius and the weighted divergence; see `Mask.radius`."""
        mean, std = self.head.distribution(latent, self.params.r_prior)
        divergence = normal_divergence(mean, std, self.params.r_prior, self.params.spread * self.params.r_prior)
        return mask_learned.draw(mean, std, generator), self.params.prior_beta * divergence.mean()


def normal_divergence(mean: Tensor, std: Tensor, prior_mean: float, prior_std: float) -> Tensor:
    """Return the Kullback-Leibler divergence of N(mean, std²) from N(prior_mean, prior_std²) in nats, elementwise.

    Args:
        mean: Means, any shape.
        std: Standard deviations ≥ 0 in the unit of `mean`, same shape; at least 1e-6 in the logarithm.
        prior_mean: Mean of the prior.
        prior_std: Standard deviation of the prior, above 0.
    """
    squares = (std**2 + (mean - prior_mean) ** 2) / (2 * prior_std**2)
    return math.log(prior_std) - std.clamp_min(1e-6).log() + squares - 0.5
