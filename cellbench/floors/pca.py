"""The floor `pca`: principal components of the whole patch."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from cellbench.floors.base import FLOORS, FittedFloor, Floor, FloorContext, State
from cellbench.floors.components import N_COMPONENTS, FittedComponents, Shown


@FLOORS.register("pca", "principal components of the patch")
class Pca(Floor):
    """64 principal components of the patch at the network size, means over the views of the search."""

    typical_seconds = 1.0

    def __init__(self, context: FloorContext, n_components: int = N_COMPONENTS) -> None:
        size, views = context.settings.network_size, context.settings.views
        self._shown = Shown("vae", {}, context.native_size, size, views, spread=False)
        self._n_components = n_components

    @property
    def source_size(self) -> int:
        """Side in px of the patches that the floor sees."""
        return self._shown.network_size

    @property
    def parameters(self) -> dict[str, Any]:
        """What is shown, and the number of components."""
        return {**asdict(self._shown), "n_components": self._n_components}

    def fit(self, pool: np.ndarray, seed: int) -> FittedFloor:
        """Fit the components on the pool."""
        size = self.source_size
        return FittedComponents.fit(pool, self._shown, np.ones((size, size), np.float32), self._n_components)

    @classmethod
    def restore(cls, state: State) -> FittedFloor:
        """Return a fitted floor from its state.

        Raises:
            DataError: The state is damaged.
        """
        return FittedComponents.restore(state)
