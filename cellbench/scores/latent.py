"""Properties of the latent that need no labels: its effective rank and its active units."""

import numpy as np

from cellbench.scores.base import SCORES, Metric, Score, ScoreContext

ACTIVE_VARIANCE = 1e-2
"""A unit is active where the variance of its μ over patches exceeds this (Burda et al., 2016)."""
N_PATCHES = 256
"""Unseen patches from which rank and active units are computed."""


def effective_rank(embeddings: np.ndarray) -> float:
    """Return the effective rank of embeddings (Roy and Vetterli, 2007).

    It is exp(entropy of the normalised singular values) of the centred embeddings.

    Args:
        embeddings: Shape (N, D).

    Returns:
        1 for embeddings on a line, at most min(N, D); 0 for embeddings that are all equal.
    """
    values = np.linalg.svd(embeddings - embeddings.mean(axis=0), compute_uv=False)
    total = values.sum()
    if not total > 0:
        return 0.0
    share = values[values > 0] / total
    return float(np.exp(-(share * np.log(share)).sum()))


def active_units(means: np.ndarray) -> int:
    """Return the number of units of μ, shape (N, D), whose variance over patches exceeds 0.01."""
    return int((means.var(axis=0) > ACTIVE_VARIANCE).sum())


@SCORES.register("latent", "effective rank and active units of the latent")
class Latent(Score):
    """Properties of the latent on unseen patches, one view each, after each epoch and at the end of a trial."""

    moments = ("epoch", "end")
    metrics = (
        Metric("latent/effective_rank", "epoch", "none", "units", "effective rank of the latent"),
        Metric("latent/active_units", "epoch", "none", "units", "active units of the latent"),
    )
    order = 20

    def compute(self, context: ScoreContext) -> dict[str, float]:
        """Return the effective rank and, of a variational model, the active units; nothing without unseen patches."""
        rows = context.unseen(N_PATCHES)
        if len(rows) == 0:
            return {}
        means = context.embed(rows, views=1)
        found = {"latent/effective_rank": effective_rank(means)}
        if context.model.variational:
            found["latent/active_units"] = float(active_units(means))
        return found
