"""The default probe: kernel ridge classification on the directions of an embedding that tell classes apart.

A probe that scales every unit to variance 1 punishes an embedding for idle, noisy and duplicate units. This one weighs
directions by how much of their variance lies between classes, so that such units hardly count:

1. Units whose class means do not differ (analysis of variance, p ≥ 0.01) are left out.
2. The others are rotated to their principal components. Duplicate units share one component.
3. Each component is scaled to variance 1, and then by the square root of ω², the share of its variance between classes
   (W. L. Hays, *Statistics for Psychologists*, 1963; it is corrected for the number of patches, and 0 for noise).
   With fewer than five patches for each component, the variances of small components are not known well, and scaling
   them to 1 adds noise. A constant is then added to each variance, so that small components stay small. The constant
   grows with the ratio of components to patches.
4. Ridge regression of the classes with a Gaussian kernel on at most 512 landmarks (C. K. I. Williams and M. Seeger,
   "Using the Nyström method to speed up kernel machines", NIPS 2000). Inner folds, which never split a group, choose
   the strength of the penalty. It is fixed where a class has fewer than ten patches on average.

All steps use the labels of training patches only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cellbench.errors import DataError
from cellbench.probes.base import PROBES, FittedProbe, Probe

MAX_P = 0.01
"""Largest p-value of a unit that is kept."""
SHRINKAGE = 0.1
"""What is added to variances, relative to the typical one, for each component per patch above `FREE_RATIO`."""
FREE_RATIO = 0.2
"""Largest number of components per patch at which nothing is added to variances."""
GAMMA = 0.5
"""Kernel exp(−GAMMA · d²), where d² is relative to the mean squared distance from the centre."""
N_LANDMARKS = 512
"""Largest number of training patches that the kernel is computed against; the time grows with its square."""
PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
"""Strengths of the penalty to choose from."""
DEFAULT_PENALTY = 3e-2
"""Strength of the penalty where the training patches are too few for inner folds."""
N_INNER_FOLDS = 3
MIN_FOR_FOLDS = 10
"""Smallest number of training patches for each class, on average, for inner folds."""
SHARPNESS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Factors on the scores of classes before the softmax; inner folds choose the one with the smallest log loss."""
DEFAULT_SHARPNESS = 4.0
"""Factor where the training patches are too few for inner folds."""
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


@dataclass(frozen=True)
class FittedKernelRidge(FittedProbe):
    """A fitted kernel ridge.

    Attributes:
        directions: Directions of the embeddings.
        landmarks: Training patches in these directions, shape (M, R).
        coefficients: Weight of each landmark for each class, shape (M, classes).
        sharpness: Factor on the scores of classes before the softmax.
    """

    directions: Directions
    landmarks: np.ndarray
    coefficients: np.ndarray
    sharpness: float

    def scores(self, embeddings: np.ndarray) -> np.ndarray:
        """Return a score of each class, about 1 for the class and −1 / (classes − 1) for others, shape (N, classes)."""
        return kernel(self.directions(embeddings), self.landmarks) @ self.coefficients

    def probabilities(self, embeddings: np.ndarray) -> np.ndarray:
        """Return class probabilities of shape (N, classes) for embeddings of shape (N, D)."""
        return softmax(self.sharpness * self.scores(embeddings))

    def predict(self, embeddings: np.ndarray) -> np.ndarray:
        """Return class codes of shape (N,)."""
        return np.asarray(self.scores(embeddings).argmax(axis=1))

    def state(self) -> dict[str, np.ndarray]:
        """Return all that `restore` needs, as numeric arrays."""
        return {
            "mean": self.directions.mean,
            "matrix": self.directions.matrix,
            "landmarks": self.landmarks,
            "coefficients": self.coefficients,
            "sharpness": np.array([self.sharpness]),
        }


@PROBES.register("kernel_ridge", "kernel ridge on the directions that tell classes apart")
class KernelRidge(Probe):
    """Kernel ridge classification; its result hardly depends on the seed, which draws landmarks and inner folds."""

    seeds = (0,)

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray,
        labels: np.ndarray,
        groups: np.ndarray,
        n_classes: int,
        fits: Sequence[tuple[np.ndarray, int]],
    ) -> Sequence[FittedKernelRidge]:
        """Fit several probes, one after the other."""
        return [fit_kernel_ridge(embeddings[rows], labels[rows], groups[rows], n_classes, seed) for rows, seed in fits]

    @classmethod
    def restore(cls, state: Mapping[str, np.ndarray]) -> FittedKernelRidge:
        """Return a fitted probe from its state.

        Raises:
            DataError: An array is missing, or the shapes do not fit.
        """
        try:
            directions = Directions(state["mean"], state["matrix"])
            probe = FittedKernelRidge(
                directions, state["landmarks"], state["coefficients"], float(state["sharpness"][0])
            )
            probe.scores(np.zeros((1, len(directions.mean))))
        except KeyError as error:
            raise DataError(f"The state of the probe is damaged ({error} is missing).") from None
        except (ValueError, IndexError) as error:
            raise DataError(f"The state of the probe is damaged ({error}).") from None
        return probe


def fit_kernel_ridge(
    embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray, n_classes: int, seed: int = 0
) -> FittedKernelRidge:
    """Fit the probe.

    Args:
        embeddings: Shape (N, D).
        labels: Class codes, shape (N,), of at least one class.
        groups: Group codes, shape (N,); no inner fold splits a group.
        n_classes: Number of classes; classes without a patch are never predicted.
        seed: Seed of the draw of landmarks and of the inner folds.

    Raises:
        DataError: An embedding is not finite.
    """
    broken = int((~np.isfinite(embeddings)).any(axis=1).sum())
    if broken:
        raise DataError(
            f"{broken} of {len(embeddings)} embeddings contain NaN or infinite values, so no probe can be fitted. "
            "If a trained encoder made them, train it with a smaller learning rate."
        )
    features = embeddings.astype(np.float64)
    penalty, sharpness = _chosen(features, labels, groups, n_classes, seed)
    directions, landmarks, (coefficients,) = _fit(features, labels, n_classes, (penalty,), seed)
    return FittedKernelRidge(directions, landmarks, coefficients, sharpness)


def analysis_of_variance(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much the class means of each feature differ.

    Args:
        features: Shape (N, D), float64.
        labels: Class codes, shape (N,).

    Returns:
        The p-value of the F test of equal means, and ω², the share of the variance that lies between classes, corrected
        for the number of patches and never negative; both of shape (D,). Features without variance have p = 1 and 0.
    """
    from scipy.stats import f as f_distribution

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
    p = np.where(known, f_distribution.sf(ratio, k - 1, n - k), 1.0)
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


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return exp(−GAMMA · ‖a − b‖²), shape (N, M), of points of shape (N, R) and (M, R)."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.exp(-GAMMA * np.maximum(squared, 0)))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities that sum to 1 along the second axis."""
    exponential = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponential / exponential.sum(axis=1, keepdims=True))


def _targets(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return 1 for the class of a patch and −1 / (classes − 1) for others, shape (N, classes)."""
    targets = np.full((len(labels), n_classes), -1.0 / max(1, n_classes - 1))
    targets[np.arange(len(labels)), labels] = 1.0
    return targets


def _fit(
    features: np.ndarray, labels: np.ndarray, n_classes: int, penalties: tuple[float, ...], seed: int
) -> tuple[Directions, np.ndarray, list[np.ndarray]]:
    """Return directions, landmarks, and the coefficients for each penalty."""
    from scipy.linalg import solve

    directions = Directions.fit(features, labels)
    points = directions(features)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(points))[:N_LANDMARKS])
    landmarks = points[drawn]
    to_all, own = kernel(points, landmarks), kernel(landmarks, landmarks)
    squares, products = to_all.T @ to_all, to_all.T @ _targets(labels, n_classes)
    jitter = 1e-9 * np.trace(squares) / len(squares) * np.eye(len(squares))
    found = [solve(squares + penalty * own + jitter, products, assume_a="pos") for penalty in penalties]
    return directions, landmarks, found


def _chosen(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, n_classes: int, seed: int
) -> tuple[float, float]:
    """Return the penalty with the best macro F1 over the inner folds, and the sharpness with the smallest log loss.

    Of equal penalties, the strongest is chosen. With few patches, both have a default.
    """
    from cellbench.patches.folds import probe_folds
    from cellbench.probes.f1 import macro_f1

    if len(labels) < MIN_FOR_FOLDS * len(np.unique(labels)):
        return DEFAULT_PENALTY, DEFAULT_SHARPNESS
    try:
        folds = probe_folds(labels, groups, n_folds=N_INNER_FOLDS, seed=seed)
    except DataError:  # one class, or fewer groups than folds
        return DEFAULT_PENALTY, DEFAULT_SHARPNESS
    scores = np.empty((len(PENALTIES), len(labels), n_classes))
    for train, test in folds:
        directions, landmarks, found = _fit(features[train], labels[train], n_classes, PENALTIES, seed)
        to_test = kernel(directions(features[test]), landmarks)
        for number, coefficients in enumerate(found):
            scores[number, test] = to_test @ coefficients
    f1 = [macro_f1(labels, each.argmax(axis=1), n_classes) for each in scores]
    best = max(range(len(PENALTIES)), key=lambda number: (f1[number], PENALTIES[number]))

    def log_loss(sharpness: float) -> float:
        of_truth = softmax(sharpness * scores[best])[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(of_truth, 1e-12)).mean())

    return PENALTIES[best], min(SHARPNESS, key=log_loss)
