"""A loss mask whose radius covers the rings of a patch that its centre predicts."""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from cellbench.geometry import centre_distance
from cellbench.suppression import mask, mask_learned
from cellbench.suppression.base import SUPPRESSIONS

CORE_SIDE = 6
"""Side in px to which the core is pooled before it predicts the rings."""
CORE = 0.1
"""Radius of the core, as a fraction of the side of the patch."""
OUTER = 0.85
"""Start of the outer ring, as a fraction of half the side of the patch. Both predictions know its colour."""
HIDDEN = 64
"""Width of the hidden layers."""
SMALLEST_ERROR = 1e-3
"""Smallest scale of a Laplace model; pixel values are in 0–1."""


class RingPredictor(nn.Module):
    """Predicts the mean colour of each ring of a patch, relative to the colour of the outer ring.

    Rings are one network px wide and end at half the side. One prediction uses the core of the patch. The other is the
    data set's mean of each ring. Where the first is not better than the second, the core is not informative about the
    ring.

    Args:
        size: Side of the patches in px.
    """

    area: Tensor
    members: Tensor
    radii: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        distance = centre_distance(size)
        ring = (distance - 0.5).floor().long().clamp_min(0)
        inside = distance <= size / 2
        self.n_rings = int(ring[inside].max()) + 1
        members = functional.one_hot(ring.clamp_max(self.n_rings - 1), self.n_rings) * inside[..., None]  # (S, S, R)
        self.register_buffer("area", members.sum(dim=(0, 1)).float(), persistent=False)
        self.register_buffer("members", members.flatten(0, 1).float(), persistent=False)
        radii = (distance[..., None] * members).sum(dim=(0, 1)) / self.area
        self.register_buffer("radii", radii, persistent=False)
        self.n_core = int((radii <= CORE * size).sum())
        self.n_outer = max(1, int((radii > OUTER * size / 2).sum()))
        self.network = nn.Sequential(
            nn.Linear(3 * CORE_SIDE**2, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 3 * self.n_rings)
        )
        last = self.network[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)  # both predictions are equal at the start
        nn.init.zeros_(last.bias)
        self.without_core = nn.Parameter(torch.zeros(3, self.n_rings))

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return the absolute errors of both predictions.

        Args:
            patches: Values in 0–1, shape (B, 3, S, S).

        Returns:
            Errors with and without the core, each of shape (B, 3, n_rings).
        """
        rings = patches.flatten(2) @ self.members / self.area  # (B, 3, R)
        outer = rings[..., -self.n_outer :].mean(dim=2)  # (B, 3)
        size = patches.shape[-1]
        start = size // 2 - max(1, round(CORE * size))
        core = functional.adaptive_avg_pool2d(patches[:, :, start : size - start, start : size - start], CORE_SIDE)
        inputs = (core - outer[..., None, None]).flatten(1) / 0.25
        predicted = self.without_core.detach() + self.network(inputs).view(-1, 3, self.n_rings)
        relative = rings - outer[..., None]
        return (predicted - relative).abs(), (self.without_core - relative).abs()


@SUPPRESSIONS.register("mask_evidence", "loss mask whose radius covers the rings that the centre predicts")
class EvidenceMask(mask.Mask):
    """A mask whose radius is predicted from the latent and learned from evidence, not from the reconstruction.

    To exclude a ring costs its gain: the mean log-likelihood ratio, in nats, of two Laplace models of its colour, one
    with the core of the patch and one without (`RingPredictor`). To include it costs `threshold` nats. The radius
    minimises the sum of these costs, weighted by the mask. The core predicts rings of the cell; it does not predict
    rings of the surroundings. The radius gets no gradient from the reconstruction, so it cannot make the task easier
    by shrinking or growing.
    """

    class Params(mask_learned.LearnedParams):
        """Hyperparameters of the mask."""

        threshold: float = Field(
            0.3, gt=0, description="smallest gain of a ring that the mask includes", json_schema_extra={"unit": "nats"}
        )

    params: Params

    def __init__(self, params: Params, native_size: int, network_size: int, latent_dim: int) -> None:
        super().__init__(params, native_size, network_size, latent_dim)
        self.head = nn.Sequential(nn.Linear(latent_dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        self.rings = RingPredictor(self.view_size)

    def learned_radius(self, latent: Tensor) -> Tensor:
        """Return r_max of each patch in native px, between the limits, shape (B,). It starts near their middle."""
        low, high = self.radius_limits
        return low + (high - low) * self.head(latent.float().detach())[:, 0].sigmoid()

    def radius(self, latent: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return each patch's radius without a gradient, and no penalty; see `Mask.radius`."""
        return self.learned_radius(latent).detach(), latent.new_zeros(())

    def evidence(self, targets: Tensor, latent: Tensor) -> Tensor:
        """Return the loss of the radius and of both predictions of the rings; see `Suppression.evidence`."""
        with_core, without = self.rings(targets.float())
        gain = log_ratio(with_core.detach(), without.detach())  # (B, R)
        gain[:, : self.rings.n_core + 1] = gain[:, self.rings.n_core, None].clone()  # the core predicts itself
        r_max = self.learned_radius(latent)
        distance = self.rings.radii * (self.native_size / self.view_size)
        weights = mask.SHAPES[self.params.shape](distance / r_max[:, None])  # (B, R)
        share = self.rings.area / self.rings.area.sum()
        kept = (share * weights * (gain - self.params.threshold)).sum(dim=1).mean()
        return with_core.mean() + without.mean() - kept


def log_ratio(with_core: Tensor, without: Tensor) -> Tensor:
    """Return the log-likelihood ratio of two Laplace models whose scales are their mean errors, in nats per value.

    Args:
        with_core: Absolute errors of the model with the core, shape (B, 3, R).
        without: Absolute errors of the model without it, shape (B, 3, R).

    Returns:
        Mean over channels, shape (B, R). Its mean over patches is log(mean error without / mean error with).
    """
    inner, outer = (errors.mean(dim=0).clamp_min(SMALLEST_ERROR) for errors in (with_core, without))
    return (without / outer + outer.log() - with_core / inner - inner.log()).mean(dim=1)
