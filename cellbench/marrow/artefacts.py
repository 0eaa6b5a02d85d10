"""Cell-like artefacts: objects that a detector finds but a haematologist does not count. Lengths are in µm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import numpy as np

from cellbench.marrow.draw import Paint, Window
from cellbench.marrow.fields import Field, ramp
from cellbench.marrow.outlines import Outline, bulge, draw_outline
from cellbench.marrow.stains import SlideLook


@dataclass(frozen=True)
class ArtefactRecipe:
    """How one kind of artefact is drawn.

    Attributes:
        name: Name of the kind.
        share: Share among artefacts.
        diameter_range_um: Smallest and largest diameter, µm.
        irregularity: Deviation of the outline from a circle, relative to the radius.
        paint: Function that paints an artefact of this kind.
    """

    name: str
    share: float
    diameter_range_um: tuple[float, float]
    irregularity: float
    paint: Callable[[np.random.Generator, Outline, SlideLook, Window], Paint]


def draw_artefact_outline(rng: np.random.Generator, recipe: ArtefactRecipe) -> Outline:
    """Draw the irregular outline of one artefact."""
    radius = rng.uniform(*recipe.diameter_range_um) / 2
    outline = draw_outline(rng, radius, recipe.irregularity, rng.uniform(1.0, 1.25), decay=0.9)
    for _ in range(2):
        outline = bulge(outline, rng.uniform(0, 2 * pi), rng.uniform(-0.3, 0.6), rng.uniform(2, 12))
    return outline


def _smudge(rng: np.random.Generator, outline: Outline, look: SlideLook, window: Window) -> Paint:
    """Paint a smudge cell: a burst, thinly spread nucleus without cytoplasm and with a frayed border."""
    paint = Paint(window)
    distance, _ = outline.distance(window.x, window.y)
    frayed = distance + 0.9 * window.noise(rng, 2.2) + 0.4 * window.noise(rng, 0.8)
    inside = ramp(frayed, rng.uniform(1.2, 3.0))
    strands = 1 + 0.32 * window.noise(rng, 1.6) + 0.18 * window.noise(rng, 0.6)
    paint.add(inside * np.maximum(strands, 0.1) * np.float32(rng.uniform(0.28, 0.62)), look.dyes["nuclear"])
    paint.cover = inside * np.float32(0.6)
    return paint


def _torn_nucleus(rng: np.random.Generator, outline: Outline, look: SlideLook, window: Window) -> Paint:
    """Paint a torn nucleus without cytoplasm: dense, with holes, sharp on one side and dissolving on the other."""
    paint = Paint(window)
    distance, _ = outline.distance(window.x, window.y)
    angle = rng.uniform(0, 2 * pi)
    side = (window.x * np.float32(np.cos(angle)) + window.y * np.float32(np.sin(angle))) / outline.reach_um
    torn = distance + 0.6 * (1 + side) * window.noise(rng, 1.2)
    inside = ramp(torn, 0.3) * np.clip(1.1 - 0.5 * (side + 0.4), 0.15, 1)
    holes = 1 - 0.75 * ramp(window.noise(rng, 2.0) - np.float32(1.15), 0.6)
    clumps = 1 + 0.3 * np.tanh(1.3 * window.noise(rng, 1.0))
    paint.add(inside * holes * clumps * np.float32(rng.uniform(0.6, 1.0)), look.dyes["nuclear"])
    if rng.random() < 0.5:  # some cytoplasm remains
        fringe = ramp(distance + 1.2 * window.noise(rng, 1.8), 1.2) * (1 - inside)
        paint.add(fringe * np.float32(rng.uniform(0.1, 0.4)), look.dyes["blue"])
    paint.cover = inside * np.float32(0.85)
    return paint


def _precipitate(rng: np.random.Generator, outline: Outline, look: SlideLook, window: Window) -> Paint:
    """Paint stain precipitate: a heap of dark, sharp, red-purple to black grains."""
    paint = Paint(window)
    distance, relative = outline.distance(window.x, window.y)
    heap = ramp(distance + 0.8 * window.noise(rng, 1.8), 1.5)
    grains = np.minimum(window.grains(rng, rng.uniform(8, 22), rng.uniform(0.18, 0.32)), 1.8)
    amount = heap * grains * (1.1 - 0.5 * np.minimum(relative, 1))
    paint.add(amount * np.float32(rng.uniform(0.6, 1.1)), look.dyes["nuclear"])
    paint.add(amount * np.float32(rng.uniform(0.1, 0.5)), look.dyes["azurophil"])
    paint.cover = np.clip(amount, 0, 1) * np.float32(0.5)
    return paint


def _platelet_clump(rng: np.random.Generator, outline: Outline, look: SlideLook, window: Window) -> Paint:
    """Paint a clump of platelets: pale lilac bodies with purple granules in their centres."""
    paint = Paint(window)
    body = np.zeros(window.shape, dtype=np.float32)
    heart = np.zeros_like(body)
    radius = float(np.sqrt(outline.area_um2 / pi))
    for _ in range(max(3, int(0.75 * radius**2 / 1.2))):
        angle, far = rng.uniform(0, 2 * pi), radius * 0.85 * np.sqrt(rng.uniform())
        x, y, r = far * np.cos(angle), far * np.sin(angle), rng.uniform(0.8, 1.7)
        gap = np.hypot(window.x - np.float32(x), window.y - np.float32(y))
        body = np.maximum(body, ramp(np.float32(r) - gap, 0.5))
        heart = np.maximum(heart, np.exp(-np.square(gap / np.float32(0.55 * r))))
    _paint_platelet(rng, paint, body, heart, look)
    return paint


def _paint_platelet(rng: np.random.Generator, paint: Paint, body: Field, heart: Field, look: SlideLook) -> None:
    grains = np.minimum(paint.window.grains(rng, 20.0, 0.2), 1.2)
    paint.add(body * np.float32(rng.uniform(0.08, 0.2)), look.dyes["blue"])
    paint.add(body * (0.08 + heart * (0.15 + 0.6 * grains)), look.dyes["azurophil"])
    paint.cover = body * np.float32(0.3)


def paint_platelet(rng: np.random.Generator, look: SlideLook, window: Window) -> Paint:
    """Paint a single platelet of 1.5 to 3.5 µm, as found between the cells of a smear."""
    paint = Paint(window)
    gap = np.hypot(window.x, window.y) + 0.2 * window.noise(rng, 0.8)
    radius = np.float32(rng.uniform(0.75, 1.75))
    _paint_platelet(rng, paint, ramp(radius - gap, 0.5), np.exp(-np.square(gap / (0.6 * radius))), look)
    return paint


ARTEFACTS: tuple[ArtefactRecipe, ...] = (
    ArtefactRecipe("smudge", 0.4, (9.0, 19.0), 0.12, _smudge),
    ArtefactRecipe("torn_nucleus", 0.25, (7.0, 14.0), 0.10, _torn_nucleus),
    ArtefactRecipe("precipitate", 0.15, (4.0, 12.0), 0.12, _precipitate),
    ArtefactRecipe("platelet_clump", 0.2, (5.0, 13.0), 0.10, _platelet_clump),
)
ARTEFACT_SHARES = np.array([recipe.share for recipe in ARTEFACTS]) / sum(recipe.share for recipe in ARTEFACTS)
