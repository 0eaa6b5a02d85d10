"""Random textures of cells: smooth noise and granules. Lengths are in px."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Field = NDArray[np.floating[Any]]
"""A float32 image of one channel, shape (H, W)."""


@lru_cache(maxsize=256)
def _spline_basis(length: int, spacing_eighths: int) -> Field:
    """Return cubic B-splines at each of `length` px on knots `spacing_eighths` / 8 px apart, shape (length, knots)."""
    spacing = spacing_eighths / 8
    position = np.arange(length) / spacing
    knot = np.floor(position).astype(int)
    t = position - knot
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    basis = np.zeros((length, int(knot[-1]) + 4), dtype=np.float32)
    for k in range(4):
        basis[np.arange(length), knot + k] = weights[:, k]
    return basis / np.float32(0.692)  # scales to unit variance: root of the mean sum of squared weights


def smooth_noise(rng: np.random.Generator, height: int, width: int, spacing_px: float) -> Field:
    """Draw smooth Gaussian noise of mean 0 and variance 1 with bumps about `spacing_px` wide, shape (height, width)."""
    eighths = max(8, round(spacing_px * 8))
    length = 64 * (max(height, width) // 64 + 1)  # few distinct lengths, so that few bases are cached
    basis = _spline_basis(length, eighths)
    knots_y = int((height - 1) // (eighths / 8)) + 4
    knots_x = int((width - 1) // (eighths / 8)) + 4
    grid = rng.standard_normal((knots_y, knots_x), dtype=np.float32)
    return basis[:height, :knots_y] @ grid @ basis[:width, :knots_x].T


def granules(rng: np.random.Generator, height: int, width: int, n: int, sigma_px: float) -> Field:
    """Draw `n` soft round granules of radius about `sigma_px`, shape (height, width). One peaks at 1; they add up."""
    field = np.zeros((height, width), dtype=np.float32)
    if n == 0:
        return field
    sigma = max(sigma_px, 0.4)
    rows, columns = rng.integers(0, height, n), rng.integers(0, width, n)
    np.add.at(field, (rows, columns), rng.uniform(0.6, 1.2, n).astype(np.float32))
    peak = 2 * np.pi * sigma**2 + 0.2  # inverse peak of a sampled Gaussian, finite for granules below 1 px
    return gaussian_filter(field, sigma, truncate=3.0) * np.float32(peak)


def ramp(distance: Field, width: float) -> Field:
    """Return an anti-aliased step: 0 up to −width / 2, 1 from width / 2, and linear between."""
    step = distance * np.float32(1 / width)
    step += np.float32(0.5)
    np.maximum(step, 0, out=step)
    return np.minimum(step, 1, out=step)
