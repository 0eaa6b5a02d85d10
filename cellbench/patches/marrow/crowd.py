"""Where cells lie that stand around another. Lengths are µm."""

from __future__ import annotations

from math import pi

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
        self._discs = np.empty((16, 3))  # x, y, radius
        self._n = 0
        self._add(*centre, radius)

    def _add(self, x: float, y: float, radius: float) -> None:
        if self._n == len(self._discs):
            self._discs = np.concatenate([self._discs, np.empty_like(self._discs)])
        self._discs[self._n] = x, y, radius
        self._n += 1

    def find_place(
        self, rng: np.random.Generator, radius: float, overlap: tuple[float, float]
    ) -> tuple[float, float] | None:
        """Find, and take, a place for a cell of this radius that touches the patch; None where none was found.

        `overlap` is the range of the depth to which it may lie in others, as a share of the smaller radius.
        Half of the places tried are at touching distance of a cell that stands already: cells clump.
        """
        discs = self._discs[: self._n]
        half = _N_TRIES // 2
        near = discs[rng.integers(0, self._n, half)]
        angle, gap = rng.uniform(0, 2 * pi, half), near[:, 2] + radius * rng.uniform(0.85, 1.15, half)
        x, y = rng.uniform(-0.9 * radius, self._side + 0.9 * radius, (2, _N_TRIES))
        x[::2], y[::2] = near[:, 0] + gap * np.cos(angle), near[:, 1] + gap * np.sin(angle)
        depth = discs[:, 2] + radius - np.hypot(discs[:, 0] - x[:, None], discs[:, 1] - y[:, None])  # (tries, discs)
        smaller = np.minimum(discs[:, 2], radius)
        allowed = rng.uniform(*overlap, (_N_TRIES, 1)) * smaller
        allowed[:, 0] = np.minimum(allowed[:, 0], _MAX_COVERED * smaller[0])
        fits = (depth <= allowed).all(axis=1) & (np.minimum(x, y) > -radius) & (np.maximum(x, y) < self._side + radius)
        first = int(fits.argmax())
        if not fits[first]:
            return None
        place = float(x[first]), float(y[first])
        self._add(*place, radius)
        return place
