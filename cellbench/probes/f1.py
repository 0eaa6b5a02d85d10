"""F1 over a fixed list of classes."""

import numpy as np


def macro_f1(labels: np.ndarray, predictions: np.ndarray, n_classes: int) -> float:
    """Return macro F1 over a fixed list of classes; a class that is neither present nor predicted counts as 0."""
    return float(f1_by_class(labels, predictions, n_classes).mean())


def f1_by_class(labels: np.ndarray, predictions: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the F1 of each class, float64, shape (n_classes,), 0 where it is undefined.

    Args:
        labels: Class codes, shape (N,).
        predictions: Predicted class codes, shape (N,).
        n_classes: Length of the fixed list of classes.
    """
    hits = np.bincount(labels[labels == predictions], minlength=n_classes)
    totals = np.bincount(labels, minlength=n_classes) + np.bincount(predictions, minlength=n_classes)
    return np.divide(2.0 * hits, totals, out=np.zeros(n_classes), where=totals > 0)


def confusion(labels: np.ndarray, predictions: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the confusion matrix: counts of shape (n_classes, n_classes), rows true and columns predicted."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(labels, predictions, labels=np.arange(n_classes)))
