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
from cellbench.probes.directions import Directions

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
    version = 2

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
