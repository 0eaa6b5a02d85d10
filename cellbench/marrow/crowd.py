"""Where cells lie that stand around another. Lengths are µm."""

from __future__ import annotations

from math import cos, hypot, pi, sin

import numpy as np

_MAX_COVERED = 0.22
"""No neighbour reaches deeper into the centre cell, as a share of the smaller radius."""

_N_TRIES = 8


class Crowd:
    """The cells of a patch as discs: places for more are found so that none lies too deep in another.

    Args:
        side: Side of the patch.
        centre: x, y of the centre cell.
        radius: Of the centre cell.
    """

    def __init__(self, side: float, centre: tuple[float, float], radius: float) -> None:
        self._side = side
        self._discs = [(*centre, radius)]  # x, y, radius

    def find_place(
        self, rng: np.random.Generator, radius: float, overlap: tuple[float, float]
    ) -> tuple[float, float] | None:
        """Find, and take, a place for a cell of this radius that touches the patch; None where none was found.

        `overlap` is the range of the depth to which it may lie in others, as a share of the smaller radius.
        Half of the places tried are at touching distance of a cell that stands already: cells clump.
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
        """Whether no disc is overlapped deeper than allowed; plain floats are faster here than arrays."""
        for k, (x0, y0, r0) in enumerate(self._discs):
            allowed = depth if k else min(depth, _MAX_COVERED)
            if r0 + radius - hypot(x0 - x, y0 - y) > allowed * min(r0, radius):
                return False
        return True
