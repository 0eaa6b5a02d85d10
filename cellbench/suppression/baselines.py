"""The two baselines without suppression."""

from cellbench.suppression.base import SUPPRESSIONS, Suppression


@SUPPRESSIONS.register("vae", "no suppression, variational auto-encoder with 256 latent units")
class NoSuppression(Suppression):
    """Sees and reproduces the whole patch, every pixel counting alike (the paper's VAE-256)."""


@SUPPRESSIONS.register("rae", "no suppression, residual auto-encoder without KL term, 1024 latent units")
class PlainAutoEncoder(Suppression):
    """As `vae`, with a plain auto-encoder and a latent four times as long (the paper's RAE-1024)."""

    variational = False
    latent_dim = 1024
