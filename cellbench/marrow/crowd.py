"""Positions of the cells around the centre cell. Lengths are in µm."""

from __future__ import annotations

from math import cos, hypot, pi, sin

import numpy as np

_MAX_COVERED = 0.22
"""Largest overlap of a neighbour with the centre cell, as a share of the smaller radius."""

_N_TRIES = 8
"""Number of positions that are tried for a cell."""


class Crowd:
    """The cells of a patch as discs. It finds positions for further cells with a limited overlap.

    Args:
        side: Side of the patch in µm.
        centre: x and y of the centre cell in µm.
        radius: Radius of the centre cell in µm.
    """

    def __init__(self, side: float, centre: tuple[float, float], radius: float) -> None:
        self._side = side
        self._discs = [(*centre, radius)]  # x, y, radius

    def find_place(
        self, rng: np.random.Generator, radius: float, overlap: tuple[float, float]
    ) -> tuple[float, float] | None:
        """Add a cell that touches the patch and return its position, or None if no tried position fits.

        Half of the tried positions touch an existing cell, because cells form clumps.

        Args:
            rng: Random generator.
            radius: Radius of the cell in µm.
            overlap: Range of the largest allowed overlap with other cells, as a share of the smaller radius.

        Returns:
            x and y of the cell in µm.
        """
        half = _N_TRIES // 2
        near = [self._discs[k] for k in rng.integers(0, len(self._discs), half)]
        angles, gaps = rng.uniform(0, 2 * pi, half).tolist(), rng.uniform(0.85, 1.15, half).tolist()
        xs, ys = rng.uniform(-0.9 * radius, self._side + 0.9 * radius, (2, _N_TRIES)).tolist()
        depths = rng.uniform(*overlap, _N_TRIES).tolist()
        for k, (x, y, depth) in enumerate(zip(xs, ys, depths, strict=True)):
            if k % 2 == 0:
                x0, y0, r0 = near[k // 2]
                gap = r0 + radius * gaps[k // 2]
                x, y = x0 + gap * cos(angles[k // 2]), y0 + gap * sin(angles[k // 2])
            if min(x, y) > -radius and max(x, y) < self._side + radius and self._fits(x, y, radius, depth):
                self._discs.append((x, y, radius))
                return x, y
        return None

    def _fits(self, x: float, y: float, radius: float, depth: float) -> bool:
        """Return whether no disc overlaps more than allowed. Plain floats are faster here than arrays."""
        for k, (x0, y0, r0) in enumerate(self._discs):
            allowed = depth if k else min(depth, _MAX_COVERED)
            if r0 + radius - hypot(x0 - x, y0 - y) > allowed * min(r0, radius):
                return False
        return True
