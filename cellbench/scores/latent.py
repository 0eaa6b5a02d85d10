"""What can be said of a latent without labels."""

import numpy as np

ACTIVE_VARIANCE = 1e-2
"""A unit is active when the variance of its μ over patches exceeds this (Burda et al., 2016)."""


def effective_rank(embeddings: np.ndarray) -> float:
    """Return exp(entropy of the normalised singular values) of centred embeddings of shape (N, D).

    Roy and Vetterli, 2007. 1 for embeddings on a line, at most min(N, D); 0 for embeddings without any spread.
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
