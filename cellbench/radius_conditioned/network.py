"""An auto-encoder that is told at which radius it looks."""

from pathlib import Path

from cellbench.models import AutoEncoder
from cellbench.models.decoder import Decoder
from cellbench.models.encoder import Encoder

CHANNELS = 4
"""Three colours and the weight map."""


class ConditionalAutoEncoder(AutoEncoder):
    """A VAE whose encoder sees the weight map beside the colours, and whose decoder is given the radius.

    `encode` takes shape (B, 4, size, size); `decode` takes latents of shape (B, latent_dim + 1), the radius last.

    Args:
        encoder: Name of a timm network.
        size: Side in px of what it sees and draws.
        latent_dim: Number of latent units.
        encoder_weights: Local safetensors file of weights for an encoder of four channels, or None.
    """

    def __init__(self, encoder: str, size: int, latent_dim: int, encoder_weights: Path | None = None) -> None:
        super().__init__(encoder, size, latent_dim, variational=True)
        self.encoder = Encoder(encoder, size, encoder_weights, CHANNELS)
        self.decoder = Decoder(latent_dim + 1, size)
