"""Encoder, decoder, and the auto-encoders that consist of them."""

from cellbench.models.autoencoder import AutoEncoder, Posterior

__all__ = ["AutoEncoder", "Posterior"]
