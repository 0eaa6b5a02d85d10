"""The floor `pca_masked`: principal components of the patch under a mask, or of a crop."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

import numpy as np

from cellbench.floors.base import FLOORS, FittedFloor, Floor, FloorContext, FloorMask, State, UnavailableFloorError
from cellbench.floors.components import N_COMPONENTS, FittedComponents, Shown


@FLOORS.register("pca_masked", "principal components of the masked or cropped patch")
class MaskedPca(Floor):
    """64 principal components of the patch under the mask of the context, or of its crop.

    The embedding is the mean and the standard deviation over the views of the search.

    Args:
        context: What floors are computed with.
        n_components: Number of components.
        spread: Whether the standard deviations over the views follow the means.

    Raises:
        UnavailableFloorError: The context has no mask.
    """

    uses_mask = True
    typical_seconds = 1.0

    def __init__(self, context: FloorContext, n_components: int = N_COMPONENTS, spread: bool = True) -> None:
        if context.mask is None:
            raise UnavailableFloorError(
                "The floor pca_masked needs a mask or a crop, and no method of this search has one; search a method "
                "that has, for example mask_auto."
            )
        settings, native, mask = context.settings, context.native_size, context.mask
        self._n_components = n_components
        self._weights, crop_size = _weights(mask, native, settings.network_size)
        self._shown = Shown(
            mask.configuration.method,
            dict(mask.configuration.params),
            native,
            settings.network_size,
            settings.views,
            spread,
        )
        self._source_size = crop_size

    @property
    def source_size(self) -> int:
        """Side in px of the patches that the floor sees; that of the crop's method where it is one."""
        return self._source_size

    @property
    def parameters(self) -> dict[str, Any]:
        """What is shown, a digest of the mask's weights, and the number of components."""
        weights = hashlib.sha256(self._weights.tobytes()).hexdigest()
        return {**asdict(self._shown), "weights": weights, "n_components": self._n_components}

    def fit(self, pool: np.ndarray, seed: int) -> FittedFloor:
        """Fit the components on the pool."""
        return FittedComponents.fit(pool, self._shown, self._weights, self._n_components)

    @classmethod
    def restore(cls, state: State) -> FittedFloor:
        """Return a fitted floor from its state.

        Raises:
            DataError: The state is damaged.
        """
        return FittedComponents.restore(state)


def _weights(mask: FloorMask, native_size: int, network_size: int) -> tuple[np.ndarray, int]:
    """Return the expected weights, float32 ≥ 0, shape (view_size, view_size), and the source size in px."""
    import torch

    from cellbench.suppression import build_suppression

    configuration = mask.configuration
    params, n_latent = dict(configuration.params), configuration.latent_dim
    seen = build_suppression(configuration.method, params, native_size, network_size, n_latent)
    shown = seen
    if mask.r_max is not None:  # only its training knows a learned radius
        fixed = {"r_max": mask.r_max, "shape": params.get("shape", "sqrt"), "normalize": False}
        shown = build_suppression("mask_fixed", fixed, native_size, network_size, 1)
    with torch.no_grad():
        found = shown.weights(torch.zeros(1, n_latent), shown.view_size, None).map[0, 0]
    return np.asarray(found, np.float32), seen.source_size
