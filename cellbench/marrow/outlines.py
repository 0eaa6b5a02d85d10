"""Closed outlines as a table of radii by angle, and signed distances to them. Lengths are in µm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cellbench.marrow.fields import Field

N_ANGLES = 96
ANGLES = np.arange(N_ANGLES) * (2 * np.pi / N_ANGLES)
_HARMONICS = np.arange(2, 10)
_WAVES = np.concatenate([np.cos(_HARMONICS[:, None] * ANGLES), np.sin(_HARMONICS[:, None] * ANGLES)])
"""Cosines and sines of the harmonics, shape (2 × harmonics, angles)."""


@dataclass(frozen=True)
class Outline:
    """A star-shaped outline: its distance from the centre at each of `ANGLES`."""

    radii_um: NDArray[np.float64]

    @property
    def area_um2(self) -> float:
        """Enclosed area: ½ ∫ r² dθ."""
        return float(np.pi * (self.radii_um @ self.radii_um) / N_ANGLES)

    @property
    def reach_um(self) -> float:
        """Distance of the farthest point from the centre."""
        return float(self.radii_um.max())

    def with_radius(self, radius_um: float) -> Outline:
        """Return the same shape with the area of a circle of this radius."""
        return Outline(self.radii_um * (radius_um / sqrt(self.area_um2 / np.pi)))

    def at(self, angle: Field) -> Field:
        """Return the distance of the outline from its centre at angles in [−π, π]."""
        position = angle * np.float32(N_ANGLES / (2 * np.pi)) + np.float32(N_ANGLES)
        index = position.astype(np.int32)
        fraction = position - index.astype(np.float32)
        table = np.concatenate([self.radii_um, self.radii_um, self.radii_um[:2]]).astype(np.float32)
        low = table[index]
        return low + (table[index + 1] - low) * fraction

    def distance(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Return the signed distance to the outline, positive inside, and the relative radius, 1 on it, at (x, y)."""
        radius = np.hypot(x, y)
        border = self.at(np.arctan2(y, x))
        return border - radius, radius / border


@lru_cache(maxsize=16)
def _amplitudes(decay: float) -> NDArray[np.float64]:
    return np.tile((_HARMONICS / 2.0) ** -decay, 2)


def draw_outline(
    rng: np.random.Generator, radius_um: float, irregularity: float, elongation: float = 1.0, decay: float = 1.6
) -> Outline:
    """Draw a wavy outline with the area of a circle of `radius_um`. The amplitude of harmonic k is k^−decay."""
    waves = (rng.standard_normal(len(_WAVES)) * _amplitudes(decay)) @ _WAVES
    radii = np.minimum(np.maximum(1 + irregularity * waves, 0.5), 1.6)
    if elongation != 1.0:
        axis = ANGLES - rng.uniform(0, np.pi)
        radii = radii / np.sqrt((np.cos(axis) / elongation) ** 2 + (np.sin(axis) * elongation) ** 2)
    return Outline(radii).with_radius(radius_um)


def bulge(outline: Outline, angle: float, height: float, sharpness: float) -> Outline:
    """Return the outline pushed out (height > 0) or in around an angle by a share of its radius, with the same area."""
    bump = np.exp(sharpness * (np.cos(ANGLES - angle) - 1))
    area_radius = sqrt(outline.area_um2 / np.pi)
    return Outline(np.maximum(outline.radii_um * (1 + height * bump), 0.3 * area_radius)).with_radius(area_radius)


def chain_distance(x: Field, y: Field, points: NDArray[np.float64], radii: NDArray[np.float64]) -> Field:
    """Return the signed distance, positive inside, to a chain of discs joined by strokes of linearly changing width.

    Args:
        x: Columns, shape (1, W).
        y: Rows, shape (H, 1).
        points: Centres of the discs, shape (n, 2).
        radii: Radii of the discs, shape (n,).

    Returns:
        Distances, shape (H, W).

    Raises:
        ValueError: There are fewer than two points.
    """
    best: Field | None = None
    for (x0, y0), (x1, y1), r0, r1 in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
        dx, dy = x1 - x0, y1 - y0
        length2 = max(dx * dx + dy * dy, 1e-9)
        px, py = x - np.float32(x0), y - np.float32(y0)
        t = np.minimum(np.maximum(px * np.float32(dx / length2) + py * np.float32(dy / length2), 0), 1)
        inside = np.float32(r0) + t * np.float32(r1 - r0) - np.hypot(px - t * np.float32(dx), py - t * np.float32(dy))
        best = inside if best is None else np.maximum(best, inside)
    if best is None:
        raise ValueError("A chain needs at least two points.")
    return best
