"""The two baselines without suppression."""

from cellbench.suppression.base import SUPPRESSIONS, Suppression


@SUPPRESSIONS.register("vae", "no suppression, variational auto-encoder with 256 latent units")
class NoSuppression(Suppression):
    """A VAE that sees and reproduces the whole patch, with equal weights for all pixels (the paper's VAE-256)."""

    suppresses = False


@SUPPRESSIONS.register("rae", "no suppression, residual auto-encoder without KL term, 1024 latent units")
class PlainAutoEncoder(Suppression):
    """As `vae`, but an auto-encoder without a KL term and with 1024 latent units (the paper's RAE-1024)."""

    suppresses = False
    variational = False
    latent_dim = 1024
