"""The floor `ring_profile`: mean and standard deviation of the optical density in rings around the centre."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellbench.errors import DataError
from cellbench.floors.base import (
    FLOORS,
    FittedFloor,
    Floor,
    FloorContext,
    State,
    UnavailableFloorError,
    packed,
    unpacked,
)
from cellbench.floors.rings import MAX_SIZE, known_radius, optical_density, ring_members

N_RINGS = 8
REACH = 1.3
"""Outer edge of the outermost ring, as a multiple of the cell radius."""
_BATCH_SIZE = 512


@FLOORS.register("ring_profile", "optical density in eight rings: mean and standard deviation")
class RingProfile(Floor):
    """Mean and standard deviation of the optical density of each channel in 8 rings of equal width: 48 numbers.

    The rings reach to 1.3 × the cell radius. A ring without a pixel is left out.

    Raises:
        UnavailableFloorError: The cell radius is unknown, or so small that no ring has a pixel.
    """

    typical_seconds = 0.5

    def __init__(self, context: FloorContext) -> None:
        radius = known_radius("ring_profile", context)
        self._fitted = FittedRings(context.native_size, radius)
        if not self._fitted.n_rings:
            raise UnavailableFloorError(
                f"The floor ring_profile needs cells that are larger than a pixel; the radius is {radius:.2g} px."
            )

    @property
    def source_size(self) -> int:
        """Side in px of the patches that the floor sees."""
        return self._fitted.source_size

    @property
    def parameters(self) -> dict[str, Any]:
        """Sizes, radius and rings."""
        return {**self._fitted.about, "n_rings": N_RINGS, "reach": REACH}

    def fit(self, pool: np.ndarray, seed: int) -> FittedFloor:
        """Return the profile. It does not depend on the pool."""
        return self._fitted

    @classmethod
    def restore(cls, state: State) -> FittedFloor:
        """Return a fitted floor from its state.

        Raises:
            DataError: The state is damaged.
        """
        about = unpacked(state)
        try:
            return FittedRings(int(about["native_size"]), float(about["radius_px"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"The state is not that of ring_profile ({error}); fit the floor again.") from error


class FittedRings(FittedFloor):
    """The profile for patches of one native size and cells of one radius.

    Args:
        native_size: Side of the data set's patches in px.
        radius_px: Cell radius in native px.
    """

    def __init__(self, native_size: int, radius_px: float) -> None:
        self.about = {"native_size": native_size, "radius_px": radius_px}
        self.source_size = min(MAX_SIZE, native_size)
        edges = np.linspace(0, REACH * radius_px, N_RINGS + 1).tolist()
        self._rings = ring_members(self.source_size, native_size, edges, self.source_size)

    @property
    def n_rings(self) -> int:
        """Number of rings that have a pixel."""
        return len(self._rings)

    def embed(self, patches: np.ndarray, device: str = "cpu") -> np.ndarray:
        """Return for each ring, from the inside, three means and three standard deviations; float32, shape (N, 48)."""
        found = np.empty((len(patches), 6 * self.n_rings), np.float32)
        for start in range(0, len(patches), _BATCH_SIZE):
            batch = patches[start : start + _BATCH_SIZE]
            density = optical_density(batch).reshape(len(batch), -1, 3)  # (B, pixels, channels)
            parts = [part(density[:, ring], axis=1) for ring in self._rings for part in (np.mean, np.std)]
            found[start : start + len(batch)] = np.concatenate(parts, axis=1)
        return found

    def state(self) -> dict[str, np.ndarray]:
        """Return the native size and the radius."""
        return {"about": packed(self.about)}
