"""Principal components of what a suppression shows of each patch: the arithmetic of the floors `pca` and `pca_masked`.

An embedding is the mean over the symmetries of the square, on request followed by the standard deviation over them,
which says how much the component depends on the orientation of the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cellbench.errors import DataError
from cellbench.floors.base import FittedFloor, State, packed, unpacked

if TYPE_CHECKING:
    from torch import Tensor

    from cellbench.suppression import Suppression

N_COMPONENTS = 64


@dataclass(frozen=True)
class Shown:
    """What principal components are taken of.

    Attributes:
        method: Name of the suppression that selects what is seen, for example a crop.
        params: Its hyperparameters, lengths in native px.
        native_size: Side of the data set's patches in px.
        network_size: Network size in px.
        views: Symmetries of the square that an embedding is taken over: 1, 2, 4 or 8.
        spread: Whether the standard deviation over the views follows their mean; with one view there is none.
    """

    method: str
    params: dict[str, float | bool | str]
    native_size: int
    network_size: int
    views: int
    spread: bool

    def suppression(self) -> Suppression:
        """Return the suppression."""
        from cellbench.suppression import build_suppression

        return build_suppression(self.method, dict(self.params), self.native_size, self.network_size, 1)


class FittedComponents(FittedFloor):
    """Fitted principal components.

    Args:
        shown: What they are taken of.
        weights: Factor on each pixel, float32, shape (view_size, view_size).
        mean: Mean of the weighted pixels, float32, shape (3 × view_size²,).
        components: Orthonormal directions, float32, shape (K, 3 × view_size²).
    """

    def __init__(self, shown: Shown, weights: np.ndarray, mean: np.ndarray, components: np.ndarray) -> None:
        self._shown, self._weights, self._mean, self._components = shown, weights, mean, components
        self._suppression = shown.suppression()
        self.source_size = self._suppression.source_size

    @classmethod
    def fit(cls, pool: np.ndarray, shown: Shown, weights: np.ndarray, n_components: int) -> FittedComponents:
        """Fit principal components on the pool as it lies, without symmetries.

        Args:
            pool: uint8, shape (N, source_size, source_size, 3), N ≥ 1.
            shown: What they are taken of.
            weights: Factor on each pixel, shape (view_size, view_size).
            n_components: Largest number of components; there are never more than patches or values of a patch.
        """
        from sklearn.decomposition import PCA

        suppression, weights = shown.suppression(), weights.astype(np.float32)
        seen = np.concatenate([_flat(batch, weights) for batch in _batches(suppression, pool)])
        if len(seen) == 1:  # variances are divided by the number of patches less one
            seen = np.repeat(seen, 2, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):  # shares of the variance, where all patches are the same
            model = PCA(min(n_components, *seen.shape), svd_solver="randomized", random_state=0).fit(seen)
        # scikit-learn returns columns in order, and safetensors writes memory as it lies.
        components = np.ascontiguousarray(model.components_, np.float32)
        return cls(shown, weights, model.mean_.astype(np.float32), components)

    @classmethod
    def restore(cls, state: State) -> FittedComponents:
        """Return fitted components from their state.

        Raises:
            DataError: The state is damaged.
        """
        about = unpacked(state)
        try:
            return cls(Shown(**about), state["weights"], state["mean"], state["components"])
        except (KeyError, TypeError) as error:
            raise DataError(f"The state is not that of principal components ({error}); fit the floor again.") from error

    def embed(self, patches: np.ndarray, device: str = "cpu") -> np.ndarray:
        """Return the components, means over views, then their standard deviations; float32, shape (N, K or 2 K)."""
        from cellbench.training.augment import symmetries

        n_views = self._shown.views
        with_spread = self._shown.spread and n_views > 1
        found = [np.empty((0, len(self._components) * (1 + with_spread)), np.float32)]
        for batch in _batches(self._suppression, patches):
            if not with_spread:  # the mean over views of a linear map is the map of their mean
                mean = sum(symmetries(batch, n_views)) / n_views
                found.append(self._project(_flat(mean, self._weights)))
                continue
            views = np.stack([self._project(_flat(view, self._weights)) for view in symmetries(batch, n_views)])
            found.append(np.concatenate([views.mean(axis=0), views.std(axis=0)], axis=1))  # (B, 2 K)
        return np.concatenate(found).astype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """Return what is shown, weights, mean and components."""
        return {
            "about": packed(vars(self._shown)),
            "weights": self._weights,
            "mean": self._mean,
            "components": self._components,
        }

    def _project(self, seen: np.ndarray) -> np.ndarray:
        return np.asarray((seen - self._mean) @ self._components.T)


def _batches(suppression: Suppression, patches: np.ndarray) -> Iterator[Tensor]:
    """Yield what the suppression shows of patches, values in 0–1, shape (B, 3, view_size, view_size)."""
    import torch

    from cellbench.training.embedding import batches, evaluation

    with evaluation(suppression), torch.no_grad():
        for batch in batches(patches, np.arange(len(patches)), torch.device("cpu")):
            yield suppression.view(batch, None, training=False)[0]


def _flat(shown: Tensor | Any, weights: np.ndarray) -> np.ndarray:
    """Return weighted pixels, shape (B, 3 × view_size²)."""
    return np.asarray(shown.numpy() * weights).reshape(len(shown), -1)
