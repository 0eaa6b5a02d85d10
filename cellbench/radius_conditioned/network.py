"""An auto-encoder that gets the radius of the mask as an input."""

from pathlib import Path

from cellbench.models import AutoEncoder
from cellbench.models.decoder import Decoder
from cellbench.models.encoder import Encoder

CHANNELS = 4
"""Channels of the encoder's input: three colours and the weight map."""


class ConditionalAutoEncoder(AutoEncoder):
    """A VAE conditioned on the radius: the encoder gets the weight map as a channel, the decoder gets the radius.

    `encode` takes inputs of shape (B, 4, size, size). `decode` takes latents of shape (B, latent_dim + 1); the last
    entry is the radius as `RadiusConditioned.decoder_input` returns it.

    Args:
        encoder: Name of a timm network.
        size: Side of inputs and reconstructions in px.
        latent_dim: Number of latent units.
        encoder_weights: Local safetensors file of weights for an encoder of four channels, or None.
    """

    def __init__(self, encoder: str, size: int, latent_dim: int, encoder_weights: Path | None = None) -> None:
        super().__init__(encoder, size, latent_dim, variational=True)
        self.encoder = Encoder(encoder, size, encoder_weights, CHANNELS)
        self.decoder = Decoder(latent_dim + 1, size)
