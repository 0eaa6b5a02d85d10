"""Variational and plain auto-encoders with one encoder and one decoder."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cellbench.models.decoder import Decoder
from cellbench.models.encoder import Encoder

LOG_VARIANCE_LIMIT = 10.0
"""log σ² is clamped to ± this value, so that it does not overflow where a training starts to diverge."""


INITIAL_LOG_VARIANCE = -5.0
"""Initial log σ². With σ = 1, noise would hide the small initial means; the KL term widens the posterior later."""


class Posterior(NamedTuple):
    """The posterior of a batch.

    Attributes:
        mean: μ, shape (B, latent_dim).
        log_variance: log σ², same shape; None for a plain auto-encoder.
    """

    mean: Tensor
    log_variance: Tensor | None

    def sample(self, generator: torch.Generator | None) -> Tensor:
        """Return a sample z ~ N(μ, σ²), shape (B, latent_dim); μ itself for a plain auto-encoder.

        Args:
            generator: Source of randomness on the device of the posterior; None for the global one.
        """
        if self.log_variance is None:
            return self.mean
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + noise * (self.log_variance / 2).exp()

    def kl(self) -> Tensor:
        """Return KL(N(μ, σ²) ‖ N(0, 1)) of each unit in nats, shape (B, latent_dim); 0 for a plain auto-encoder."""
        if self.log_variance is None:
            return torch.zeros_like(self.mean)
        return (self.mean**2 + self.log_variance.exp() - 1 - self.log_variance) / 2


class AutoEncoder(nn.Module):
    """Encoder, latent and decoder (the paper's section 3.4).

    Args:
        encoder: Name of a timm network.
        size: Side in px of its input and output.
        latent_dim: Number of latent units.
        variational: Whether the latent is a distribution (VAE) or a vector (RAE).
        encoder_weights: Local safetensors file of encoder weights; None starts from random weights.
    """

    def __init__(
        self, encoder: str, size: int, latent_dim: int, variational: bool, encoder_weights: Path | None = None
    ) -> None:
        super().__init__()
        self.size = size
        self.latent_dim = latent_dim
        self.variational = variational
        self.encoder = Encoder(encoder, size, encoder_weights)
        self.head = nn.Linear(self.encoder.n_features, latent_dim * (2 if variational else 1))
        if variational:
            with torch.no_grad():
                self.head.bias[latent_dim:] = INITIAL_LOG_VARIANCE
        self.decoder = Decoder(latent_dim, size)

    def encode(self, patches: Tensor) -> Posterior:
        """Return the posterior, in float32, of patches with values in 0–1, shape (B, 3, size, size)."""
        out = self.head(self.encoder(patches)).float()
        if not self.variational:
            return Posterior(out, None)
        mean, log_variance = out.chunk(2, dim=1)
        return Posterior(mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT))

    def decode(self, latent: Tensor) -> Tensor:
        """Return reconstructions, values in 0–1, shape (B, 3, size, size), of latents of shape (B, latent_dim)."""
        return self.decoder(latent)
