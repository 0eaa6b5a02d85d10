"""The shallow decoder of the paper's section 3.4."""

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

CHANNELS = (256, 128, 64, 32, 3)


class Decoder(nn.Module):
    """A projection, then four transposed convolutions, each behind a bilinear ×2 upsampling.

    ReLU stands between the layers, a sigmoid at the end. Sizes that are no multiple of 16 px are drawn at the next
    larger multiple and resized.

    Args:
        latent_dim: Number of latent units.
        size: Side of the reconstruction in px.
    """

    def __init__(self, latent_dim: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.seed_size = math.ceil(size / 2 ** (len(CHANNELS) - 1))
        self.projection = nn.Linear(latent_dim, CHANNELS[0] * self.seed_size**2)
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(before, after, kernel_size=3, padding=1) for before, after in pairwise(CHANNELS)
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Return reconstructions in 0–1, shape (B, 3, size, size), for latents of shape (B, latent_dim)."""
        x = self.projection(latent).view(-1, CHANNELS[0], self.seed_size, self.seed_size)
        for layer in self.layers:
            x = functional.interpolate(functional.relu(x), scale_factor=2, mode="bilinear")
            x = layer(x)
        if x.shape[-1] != self.size:
            x = functional.interpolate(x, size=self.size, mode="bilinear", antialias=True)
        return x.sigmoid()
