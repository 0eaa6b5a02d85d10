"""Nucleus shapes: round, bent strokes (indented to horseshoe) and lobes joined by strands. Lengths are in µm."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from cellbench.marrow.cells import CellRecipe, draw_spread
from cellbench.marrow.fields import Field
from cellbench.marrow.outlines import Outline, chain_distance, draw_outline


@dataclass(frozen=True)
class Nucleus:
    """A nucleus in its cell's coordinates: an outline, or a chain of discs and strokes."""

    centre: tuple[float, float]
    outline: Outline | None
    points: NDArray[np.float64]
    """Points of the chain relative to `centre`, shape (n, 2). Empty if there is an outline."""
    radii: NDArray[np.float64]
    """Half width of the chain at each point, shape (n,)."""

    def distance(self, x: Field, y: Field) -> Field:
        """Return the signed distance to the border, positive inside, at x (1, W) and y (H, 1) in the cell's frame."""
        x, y = x - np.float32(self.centre[0]), y - np.float32(self.centre[1])
        if self.outline is not None:
            return self.outline.distance(x, y)[0]
        return chain_distance(x, y, self.points, self.radii)


def draw_nucleus(rng: np.random.Generator, recipe: CellRecipe, cell_radius: float) -> Nucleus:
    """Draw the nucleus of a cell of this type and radius (µm)."""
    area = draw_spread(rng, recipe.nucleus_share, 0.12, 0.9) * pi * cell_radius**2
    if recipe.nucleus_kind == "round":
        return _round(rng, recipe, area, cell_radius)
    if recipe.nucleus_kind == "stroke":
        points, radii = _stroke(rng, recipe, area)
    else:
        points, radii = _lobes(rng, recipe, area, cell_radius)
    reach = float(np.max(np.hypot(points[:, 0], points[:, 1]) + radii))
    points, radii = _shrunk(points, radii, reach, 0.96 * cell_radius)
    slack = max(cell_radius - min(reach, 0.96 * cell_radius), 0.0)
    return Nucleus(_off_centre(rng, slack, recipe.eccentricity), None, points, radii)


def _off_centre(rng: np.random.Generator, slack: float, eccentricity: float) -> tuple[float, float]:
    """Draw a shift in a random direction. At eccentricity 1 it is as large as the distance to the cell border."""
    angle = rng.uniform(0, 2 * pi)
    shift = slack * min(max(eccentricity + 0.25 * rng.standard_normal(), 0.0), 1.05)
    return shift * cos(angle), shift * sin(angle)


def _round(rng: np.random.Generator, recipe: CellRecipe, area: float, cell_radius: float) -> Nucleus:
    elongation = draw_spread(rng, recipe.elongation, 1.0, 1.5)
    outline = draw_outline(rng, sqrt(area / pi), 0.025, sqrt(elongation))
    centre = _off_centre(rng, max(cell_radius - sqrt(area / pi), 0.0), recipe.eccentricity)
    return Nucleus(centre, outline, np.empty((0, 2)), np.empty(0))


def _shrunk(
    points: NDArray[np.float64], radii: NDArray[np.float64], reach: float, limit: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a chain that fits its cell: the points move inwards, and the strokes keep their width."""
    if reach <= limit:
        return points, radii
    width = float(radii.max())
    return points * max((limit - width) / max(reach - width, 1e-6), 0.3), radii


def _stroke(
    rng: np.random.Generator, recipe: CellRecipe, area: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw one bent stroke of an area. The more it bends, the longer and thinner it is (myelocyte to band)."""
    bend = radians(draw_spread(rng, recipe.bend_deg, 12.0, 310.0))
    slenderness = (0.35 + 1.05 * bend**1.15) * np.exp(0.12 * rng.standard_normal())  # centre line / half width
    half_width = sqrt(area / (2 * slenderness + pi))
    arc_radius = slenderness * half_width / bend
    n = 7
    turn = np.linspace(-bend / 2, bend / 2, n) + rng.uniform(0, 2 * pi)
    sway = 1 + 0.07 * rng.standard_normal(n)
    points = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (arc_radius * sway)[:, None]
    points -= points.mean(axis=0)
    thin_middle = 1 - 0.10 * bend / pi * np.cos(np.linspace(-pi / 2, pi / 2, n)) * rng.uniform(0, 2)
    radii = half_width * thin_middle * (1 + 0.06 * rng.standard_normal(n))
    return points, radii


def _lobes(
    rng: np.random.Generator, recipe: CellRecipe, area: float, cell_radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw two to five lobes on an arc around the cell's centre, joined by thin strands."""
    n = 2 + int(rng.choice(4, p=np.array(recipe.lobes) / sum(recipe.lobes)))
    shares = rng.dirichlet(np.full(n, 14.0))
    stretch = rng.uniform(0.1, 1.0, n)  # half length over half width of each lobe
    widths = np.sqrt(area * shares / (pi + 4 * stretch))
    gaps = (widths[:-1] + widths[1:]) * rng.uniform(1.0, 1.35, n - 1) + 0.5 * (stretch * widths)[:-1]
    ring = max(cell_radius * rng.uniform(0.32, 0.46), 0.52 * float(gaps.max()))
    steps = 2 * np.arcsin(np.clip(gaps / 2 / ring, 0, 1))
    steps *= min(1.0, radians(300) / max(float(steps.sum()), 1e-6))
    angles = np.concatenate([[0.0], np.cumsum(steps)]) + rng.uniform(0, 2 * pi)
    distance = ring * (1 + 0.15 * rng.standard_normal(n))
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1) * distance[:, None]
    along = angles + pi / 2 + 0.5 * rng.standard_normal(n)
    half = np.stack([np.cos(along), np.sin(along)], axis=1) * (stretch * widths)[:, None]
    strand = rng.uniform(0.22, 0.55)
    points: list[NDArray[np.float64]] = []
    radii: list[float] = []
    for k in range(n):
        begin, end = centres[k] - half[k], centres[k] + half[k]
        points += ([begin] if k else []) + [begin, end] + ([end] if k < n - 1 else [])
        radii += ([strand] if k else []) + [widths[k], widths[k]] + ([strand] if k < n - 1 else [])
    chain = np.array(points)
    return chain - centres.mean(axis=0), np.array(radii)
