"""How unlike the training data a cell is: the distance of its embedding, in units of what new groups have.

Source: K. Lee et al., "A simple unified framework for detecting out-of-distribution samples and adversarial attacks",
NeurIPS 2018: the Mahalanobis distance to the nearest class mean, with one covariance for all classes. It is shrunk
(O. Ledoit and M. Wolf, 2004), because embeddings can have more numbers than a class has patches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cellbench.errors import DataError

SHARE_BEYOND = 0.01
"""Share of labelled patches of unseen groups whose distance is above 1."""


@dataclass(frozen=True)
class Familiarity:
    """Class means and a shared covariance of embeddings.

    Attributes:
        whitening: Matrix of shape (D, D) that makes the shared covariance the identity.
        means: Whitened class means, shape (classes, D).
        limit: Mahalanobis distance that a share of 0.01 of patches of unseen groups exceed.
    """

    whitening: np.ndarray
    means: np.ndarray
    limit: float

    @classmethod
    def fit(
        cls, embeddings: np.ndarray, labels: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> "Familiarity":
        """Return the distance to labelled patches. Its unit is measured on groups that a fold leaves out.

        Args:
            embeddings: Shape (N, D).
            labels: Class codes, shape (N,).
            folds: Training and test rows of each fold; no group is in both.
        """
        unseen = np.concatenate(
            [_fitted(embeddings[train], labels[train]).distances(embeddings[test]) for train, test in folds]
        )
        whole = _fitted(embeddings, labels)
        return cls(whole.whitening, whole.means, float(np.quantile(unseen, 1 - SHARE_BEYOND)))

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the distance of each embedding, shape (N,): above 1, a cell is unlike the training data."""
        whitened = embeddings.astype(np.float64) @ self.whitening
        squares = (whitened**2).sum(axis=1)[:, None] - 2 * whitened @ self.means.T + (self.means**2).sum(axis=1)[None]
        return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0.0)) / self.limit)

    def state(self) -> dict[str, np.ndarray]:
        """Return all that `restore` needs, as numeric arrays."""
        return {"whitening": self.whitening, "means": self.means, "limit": np.array(self.limit)}

    @classmethod
    def restore(cls, state: Mapping[str, np.ndarray]) -> "Familiarity":
        """Return a fitted distance from its state.

        Raises:
            DataError: The state is damaged.
        """
        try:
            whitening, means, limit = state["whitening"], state["means"], float(state["limit"])
            if (
                whitening.ndim != 2
                or whitening.shape[0] != whitening.shape[1]
                or means.shape[1:] != whitening.shape[1:]
            ):
                raise ValueError("the shapes do not fit")
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(f"The distances of the classifier are damaged ({error}).") from error
        return cls(whitening, means, limit)


def _fitted(embeddings: np.ndarray, labels: np.ndarray) -> Familiarity:
    """Return class means and whitening with the limit 1."""
    from sklearn.covariance import ledoit_wolf

    values = embeddings.astype(np.float64)
    codes, places = np.unique(labels, return_inverse=True)
    means = np.stack([values[labels == code].mean(axis=0) for code in codes])
    covariance, _ = ledoit_wolf(values - means[places], assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    whitening = directions / np.sqrt(np.maximum(variances, variances.max() * 1e-9 + 1e-30))
    return Familiarity(whitening, means @ whitening, 1.0)
