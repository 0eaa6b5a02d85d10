"""A learned radius under a prior: it moves only as far as the reconstruction pays for."""

import torch
from pydantic import Field
from torch import Tensor

from cellbench.suppression import learned, mask
from cellbench.suppression.table import SUPPRESSIONS


def gaussian_kl(mean: Tensor, std: Tensor, prior: float, prior_std: float) -> Tensor:
    """Return KL(N(mean, std²) ‖ N(prior, prior_std²)) in nats, element by element."""
    ratio = std / prior_std
    return (ratio**2 + ((mean - prior) / prior_std) ** 2 - 1) / 2 - ratio.log()


@SUPPRESSIONS.register("mask_prior", "loss mask whose radius is learned for each patch under a prior")
class PriorMask(mask.Mask):
    """A mask of radius r_max ~ N(μ, σ²) per patch, read off the latent as in `mask_learned`, with a prior N(r0, s²).

    The loss gets KL(N(μ, σ²) ‖ N(r0, s²)) / (3 · size²), mean over patches: its share of an evidence lower bound
    whose reconstruction is a mean over the 3 · size² values of a patch, as with `beta: elbo`.
    """

    class Params(learned.LearnedParams):
        """Hyperparameters of the mask."""

        prior: float = Field(..., gt=0, description="mean of the prior on the radius", json_schema_extra={"unit": "px"})
        prior_std: float = Field(
            ..., gt=0, description="standard deviation of the prior", json_schema_extra={"unit": "px"}
        )

    params: Params

    def __init__(self, params: Params, native_size: int, network_size: int, latent_dim: int) -> None:
        super().__init__(params, native_size, network_size, latent_dim)
        self.head = learned.RadiusHead(latent_dim)

    def radius(self, latent: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return a draw of each patch's radius, or its mean without a generator, and the prior's share of the loss."""
        mean, std = self.head.distribution(latent, self.params.prior)
        kl = gaussian_kl(mean, std, self.params.prior, self.params.prior_std)
        return learned.draw(mean, std, generator), kl.mean() / (3 * self.view_size**2)
