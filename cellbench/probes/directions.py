"""The directions of an embedding that tell classes apart; `kernel_ridge` says how they are found and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_P = 0.01
"""Largest p-value of a unit that is kept."""
SHRINKAGE = 0.1
"""What is added to variances, relative to the typical one, for each component per patch above `FREE_RATIO`."""
FREE_RATIO = 0.2
"""Largest number of components per patch at which nothing is added to variances."""
SMALLEST_VARIANCE = 1e-6
"""Components whose variance is a smaller share of the largest one are left out."""


@dataclass(frozen=True)
class Directions:
    """A linear map to the directions that tell classes apart.

    Attributes:
        mean: Mean of the training embeddings, shape (D,).
        matrix: Directions as columns, shape (D, R), scaled so that the mean squared norm of training patches is 1.
    """

    mean: np.ndarray
    matrix: np.ndarray

    @classmethod
    def fit(cls, embeddings: np.ndarray, labels: np.ndarray) -> Directions:
        """Find the directions of embeddings of shape (N, D), float64, with class codes of shape (N,)."""
        mean = embeddings.mean(axis=0)
        centred = embeddings - mean
        p, _ = analysis_of_variance(centred, labels)
        kept = p < MAX_P
        if not kept.any():  # nothing tells the classes apart: no unit is better than another
            kept[:] = True
        variances, axes = principal_components(centred[:, kept])
        if len(variances) == 0:
            return cls(mean, np.zeros((len(mean), 1)))
        _, omega_squared = analysis_of_variance(centred[:, kept] @ axes, labels)
        if not omega_squared.any():
            omega_squared[:] = 1.0
        weights = omega_squared / (variances + added_variance(variances, len(centred)))
        matrix = np.zeros((len(mean), len(variances)))
        matrix[kept] = axes * np.sqrt(weights / (weights * variances).sum())
        return cls(mean, matrix)

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Return embeddings in these directions, float64, shape (N, R)."""
        return np.asarray((embeddings - self.mean) @ self.matrix)


def analysis_of_variance(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much the class means of each feature differ.

    Args:
        features: Shape (N, D), float64.
        labels: Class codes, shape (N,).

    Returns:
        The p-value of the F test of equal means, and ω², the share of the variance that lies between classes, corrected
        for the number of patches and never negative; both of shape (D,). Features without variance have p = 1 and 0.
    """
    from scipy.special import fdtrc  # scipy.stats calls it too, and is slower

    classes, codes = np.unique(labels, return_inverse=True)
    n, k = len(labels), len(classes)
    if k < 2 or n <= k:
        return np.ones(features.shape[1]), np.zeros(features.shape[1])
    members = np.zeros((k, n))
    members[codes, np.arange(n)] = 1
    counts = members.sum(axis=1, keepdims=True)
    means = members @ features / counts
    centred = features - features.mean(axis=0)
    total = (centred**2).sum(axis=0)
    between = (counts * (means - features.mean(axis=0)) ** 2).sum(axis=0)
    within = np.maximum(total - between, 1e-12 * total)
    known = total > 0
    error = np.where(known, within, 1.0) / (n - k)
    ratio = np.where(known, between / (k - 1) / error, 0.0)
    p = np.where(known, fdtrc(k - 1, n - k, ratio), 1.0)
    omega_squared = (between - (k - 1) * error) / (np.where(known, total, 1.0) + error)
    return p, np.where(known, np.clip(omega_squared, 0, 1), 0.0)


def principal_components(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the principal components with a variance above `SMALLEST_VARIANCE` times the largest.

    Args:
        centred: Shape (N, D), float64, with a mean of 0 along the first axis.

    Returns:
        Their variances, shape (R,), and unit vectors as columns, shape (D, R). R is 0 if nothing varies.
    """
    n, width = centred.shape
    by_patch = n < width  # the products of patches have the same eigenvalues as those of units, and are fewer
    variances, vectors = np.linalg.eigh((centred @ centred.T if by_patch else centred.T @ centred) / n)
    found = (variances > SMALLEST_VARIANCE * variances[-1]) & (variances > 0)
    variances, vectors = variances[found], vectors[:, found]
    return variances, centred.T @ (vectors / np.sqrt(n * variances)) if by_patch else vectors


def added_variance(variances: np.ndarray, n_patches: int) -> float:
    """Return what is added to the variance of each component before components are scaled to variance 1.

    It is SHRINKAGE · max(0, R / N − FREE_RATIO) · Σv² / Σv, for R components of variance v and N patches. Duplicate
    units multiply all variances by the same factor, and this with them.

    Args:
        variances: Shape (R,), all above 0.
        n_patches: Number of patches N.
    """
    typical = (variances**2).sum() / variances.sum()
    return float(SHRINKAGE * max(0.0, len(variances) / n_patches - FREE_RATIO) * typical)
