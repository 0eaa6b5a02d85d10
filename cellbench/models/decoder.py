"""The shallow decoder (section 3.4 of the paper)."""

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

CHANNELS = (256, 128, 64, 32, 3)
UPSAMPLING_GAIN = 2**0.5
"""Gain of the initial weights: bilinear upsampling averages neighbours, which halves the variance approximately."""


class Decoder(nn.Module):
    """A projection, then four transposed convolutions, each after a bilinear ×2 upsampling.

    There is a ReLU between the layers and a sigmoid at the end. A size that is not a multiple of 16 px is decoded at
    the next larger multiple and resized.

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
        self._initialise()

    def _initialise(self) -> None:
        """Initialise weights so that activations neither vanish nor grow from layer to layer (He et al., 2015).

        torch's default initialisation shrinks them at every layer. The output then hardly depends on the latent, and a
        short training spends most of its steps on changing that.
        """
        nn.init.normal_(self.projection.weight, std=UPSAMPLING_GAIN * self.projection.in_features**-0.5)
        nn.init.zeros_(self.projection.bias)
        for layer, n_in in zip(self.layers, CHANNELS, strict=False):
            assert isinstance(layer, nn.ConvTranspose2d)
            nn.init.normal_(layer.weight, std=UPSAMPLING_GAIN * math.sqrt(2 / (9 * n_in)))
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, latent: Tensor) -> Tensor:
        """Return reconstructions, values in 0–1, shape (B, 3, size, size), of latents of shape (B, latent_dim)."""
        x = self.projection(latent).view(-1, CHANNELS[0], self.seed_size, self.seed_size)
        for layer in self.layers:
            x = functional.interpolate(functional.relu(x), scale_factor=2, mode="bilinear")
            x = layer(x)
        if x.shape[-1] != self.size:
            x = functional.interpolate(x, size=self.size, mode="bilinear", antialias=True)
        return x.sigmoid()
