"""Random fields that cells are textured with: smooth noise and granules. All lengths here are px."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Field = NDArray[np.floating[Any]]
"""A float32 image of one channel, H × W."""


@lru_cache(maxsize=256)
def _spline_basis(length: int, spacing_eighths: int) -> Field:
    """Cubic B-splines on knots `spacing_eighths` / 8 px apart, at each of `length` px: (length, knots)."""
    spacing = spacing_eighths / 8
    position = np.arange(length) / spacing
    knot = np.floor(position).astype(int)
    t = position - knot
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    basis = np.zeros((length, int(knot[-1]) + 4), dtype=np.float32)
    for k in range(4):
        basis[np.arange(length), knot + k] = weights[:, k]
    return basis / np.float32(0.692)  # root of the mean of the weights' summed squares: unit variance


def smooth_noise(rng: np.random.Generator, height: int, width: int, spacing_px: float) -> Field:
    """Smooth Gaussian noise of mean 0 and variance 1 whose bumps are about `spacing_px` wide."""
    eighths = max(8, round(spacing_px * 8))
    length = 64 * (max(height, width) // 64 + 1)  # few lengths, so that few bases are kept
    basis = _spline_basis(length, eighths)
    knots_y = int((height - 1) // (eighths / 8)) + 4
    knots_x = int((width - 1) // (eighths / 8)) + 4
    grid = rng.standard_normal((knots_y, knots_x), dtype=np.float32)
    return basis[:height, :knots_y] @ grid @ basis[:width, :knots_x].T


def granules(rng: np.random.Generator, height: int, width: int, n: int, sigma_px: float) -> Field:
    """`n` soft round granules of radius about `sigma_px` at random places; one alone peaks at 1, neighbours add up."""
    field = np.zeros((height, width), dtype=np.float32)
    if n == 0:
        return field
    sigma = max(sigma_px, 0.4)
    rows, columns = rng.integers(0, height, n), rng.integers(0, width, n)
    np.add.at(field, (rows, columns), rng.uniform(0.6, 1.2, n).astype(np.float32))
    peak = 2 * np.pi * sigma**2 + 0.2  # a sampled Gaussian's peak, kept finite for granules below a px
    return gaussian_filter(field, sigma, truncate=3.0) * np.float32(peak)


def ramp(distance: Field, width: float) -> Field:
    """0 where `distance` ≤ −width / 2, 1 where ≥ width / 2, straight between: an anti-aliased step."""
    step = distance * np.float32(1 / width)
    step += np.float32(0.5)
    np.maximum(step, 0, out=step)
    return np.minimum(step, 1, out=step)
