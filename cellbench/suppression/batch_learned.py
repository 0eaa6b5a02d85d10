"""A learned radius that is one number for the whole data set."""

import torch
from pydantic import Field
from torch import Tensor, nn

from cellbench.suppression import learned, mask
from cellbench.suppression.table import SUPPRESSIONS

PACE = 10.0
"""Adam moves a weight by about the learning rate a step; this times as fast, a radius can cross the patch in time."""


@SUPPRESSIONS.register("mask_learned_batch", "loss mask whose radius is one learned number")
class BatchLearnedMask(mask.Mask):
    """A mask of radius r_max ~ N(μ, σ²), one draw a batch; μ and σ are two learned numbers that no latent can bend.

    The penalty is that of `mask_learned`.
    """

    class Params(learned.LearnedParams):
        """Hyperparameters of the mask."""

        penalty: float = Field(
            0.0, ge=0, description="strength of the penalty on small radii; 0 is off", json_schema_extra={"unit": ""}
        )

    params: Params

    def __init__(self, params: Params, native_size: int, network_size: int, latent_dim: int) -> None:
        super().__init__(params, native_size, network_size, latent_dim)
        self.log_mean = nn.Parameter(torch.zeros(1))
        self.log_std = nn.Parameter(torch.full((1,), -2.3 / PACE))

    def radius(self, latent: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return a draw of the radius, or its mean without a generator, and the penalty."""
        half = self.native_size / 2
        r_max = learned.draw(half * (PACE * self.log_mean).exp(), half * (PACE * self.log_std).exp(), generator)
        low, high = self.radius_limits
        return r_max, self.params.penalty * (1 - r_max.clamp(low, high) / high).mean()
