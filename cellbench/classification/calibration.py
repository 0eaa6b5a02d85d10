"""Calibrated probabilities: one temperature for all classes, the error that is left, and when to say "unsure"."""

from dataclasses import dataclass

import numpy as np

N_BINS = 15
"""Bins of the calibration error, as in Guo et al."""
COVERAGE = 0.9
"""Default share of cells that a classifier decides; it is unsure of the others."""
_SMALLEST = 1e-12
"""A probability of 0 would have an infinite log loss."""
_LIMITS = (-4.0, 4.0)
"""Smallest and largest logarithm of a temperature."""


@dataclass(frozen=True)
class Calibration:
    """How the probabilities of a classifier are corrected and used.

    Attributes:
        temperature: Probabilities are raised to the power 1 / temperature and divided by their sum.
        threshold: Smallest probability of the most probable class with which the classifier decides.
        coverage: Share of the labelled patches that it decides on.
        error_before: Expected calibration error of the probabilities as the probe gives them.
        error_after: Expected calibration error at this temperature.
        accuracy_decided: Accuracy on the labelled patches that it decides on; NaN where it decides on none.
    """

    temperature: float
    threshold: float
    coverage: float
    error_before: float
    error_after: float
    accuracy_decided: float

    @classmethod
    def fit(cls, probabilities: np.ndarray, labels: np.ndarray, coverage: float = COVERAGE) -> "Calibration":
        """Return the calibration from predictions of patches whose groups the classifier has not seen.

        Args:
            probabilities: Out-of-fold probabilities of the classes, shape (N, classes).
            labels: Class codes, shape (N,).
            coverage: Share of patches to decide on, in (0, 1].
        """
        temperature = best_temperature(probabilities, labels)
        corrected = tempered(probabilities, temperature)
        confidence, is_right = corrected.max(axis=1), corrected.argmax(axis=1) == labels
        threshold = threshold_at(confidence, coverage)
        decided = confidence >= threshold
        return cls(
            temperature,
            threshold,
            coverage,
            calibration_error(probabilities, labels),
            calibration_error(corrected, labels),
            float(is_right[decided].mean()) if decided.any() else float("nan"),
        )

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities of the same shape (N, classes)."""
        return tempered(probabilities, self.temperature)

    def is_unsure(self, calibrated: np.ndarray) -> np.ndarray:
        """Return for calibrated probabilities, shape (N, classes), whether no class is probable enough, bool (N,)."""
        return np.asarray(calibrated.max(axis=1) < self.threshold)


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a temperature: above 1 they are more equal, below 1 less.

    Args:
        probabilities: Shape (N, classes), rows with sum 1.
        temperature: Positive.

    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    logarithms = np.log(np.maximum(probabilities, _SMALLEST)) / temperature
    scaled = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def best_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature with the smallest log loss.

    It changes no prediction, only how sure it is. Source: C. Guo et al., "On calibration of modern neural networks",
    ICML 2017.

    Args:
        probabilities: Shape (N, classes), of patches that the classifier was not fitted on.
        labels: Class codes, shape (N,).
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(logarithm: float) -> float:
        return -float(np.log(np.maximum(tempered(probabilities, np.exp(logarithm))[rows, labels], _SMALLEST)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=_LIMITS, method="bounded").x))


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, n_bins: int = N_BINS) -> float:
    """Return the expected calibration error: the mean distance between confidence and accuracy over bins of confidence.

    Args:
        probabilities: Shape (N, classes).
        labels: Class codes, shape (N,).
        n_bins: Number of bins of equal width.

    >>> calibration_error(np.array([[0.9, 0.1], [0.7, 0.3]]), np.array([0, 1]))
    0.4
    """
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=confidence - is_right, minlength=n_bins)
    return round(float(np.abs(gaps).sum() / len(labels)), 12)


def threshold_at(confidence: np.ndarray, coverage: float) -> float:
    """Return the largest threshold that at least a share of confidences reaches.

    Args:
        confidence: Probability of the most probable class, shape (N,), at least one.
        coverage: Share in (0, 1].

    >>> threshold_at(np.array([0.5, 0.6, 0.7, 0.8]), 0.75)
    0.6
    """
    n_decided = int(np.ceil(round(coverage * len(confidence), 9)))
    return float(np.sort(confidence)[len(confidence) - n_decided])


def risk_coverage(confidence: np.ndarray, is_right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coverages in (0, 1], and the share of wrong predictions among the most confident at each, shape (N,).

    Source: Y. Geifman and R. El-Yaniv, "Selective classification for deep neural networks", NIPS 2017.

    Args:
        confidence: Probability of the most probable class, shape (N,).
        is_right: Whether the prediction is right, bool, shape (N,).
    """
    order = np.argsort(-confidence, kind="stable")
    n = np.arange(1, len(confidence) + 1)
    return n / len(confidence), np.cumsum(~is_right[order]) / n
