"""Painting of one nucleated cell or red cell as optical density and cover. Lengths are in µm."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor, pi

import numpy as np
from numpy.typing import NDArray

from cellbench.marrow.cells import CellRecipe, draw_spread
from cellbench.marrow.fields import Field, granules, ramp, smooth_noise
from cellbench.marrow.nuclei import Nucleus, draw_nucleus
from cellbench.marrow.outlines import Outline, bulge, draw_outline
from cellbench.marrow.stains import SlideLook


@dataclass(frozen=True)
class Window:
    """The part of a patch that an object covers, and the position of its pixels relative to the object's centre."""

    rows: slice
    columns: slice
    x: Field
    """Columns in µm from the centre, shape (1, W)."""
    y: Field
    """Rows in µm from the centre, shape (H, 1)."""
    um_per_px: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.y.shape[0], self.x.shape[1]

    def noise(self, rng: np.random.Generator, spacing_um: float) -> Field:
        """Return smooth noise over this window, with bumps about `spacing_um` wide."""
        return smooth_noise(rng, *self.shape, spacing_um / self.um_per_px)

    def grains(self, rng: np.random.Generator, per_10_um2: float, sigma_um: float) -> Field:
        """Return granules of radius `sigma_um` over this window, on average `per_10_um2` in 10 µm²."""
        n = rng.poisson(max(per_10_um2, 0.0) / 10 * self.shape[0] * self.shape[1] * self.um_per_px**2)
        return granules(rng, *self.shape, int(n), sigma_um / self.um_per_px)


def open_window(size: int, um_per_px: float, centre: tuple[float, float], reach_um: float) -> Window | None:
    """Return the window around an object, or None if the object lies outside the patch.

    Args:
        size: Side of the patch in px.
        um_per_px: µm per px.
        centre: x and y of the object in µm from the top left corner of the patch.
        reach_um: Largest distance of the object from its centre in µm.
    """
    spans = []
    for c in (centre[1], centre[0]):
        low = max(floor((c - reach_um) / um_per_px) - 1, 0)
        high = min(ceil((c + reach_um) / um_per_px) + 1, size)
        if high - low < 2:
            return None
        spans.append((low, high))
    y = ((np.arange(*spans[0]) + 0.5) * um_per_px - centre[1]).astype(np.float32)[:, None]
    x = ((np.arange(*spans[1]) + 0.5) * um_per_px - centre[0]).astype(np.float32)[None, :]
    return Window(slice(*spans[0]), slice(*spans[1]), x, y, um_per_px)


@dataclass
class Paint:
    """The effect of an object on the light path.

    Attributes:
        window: Part of the patch.
        od: Optical density that the object adds, shape (3, H, W).
        cover: Share of the objects below that it hides, 0–1, shape (H, W).
    """

    window: Window
    od: NDArray[np.float32] = field(init=False)
    cover: Field = field(init=False)

    def __post_init__(self) -> None:
        self.od = np.zeros((3, *self.window.shape), dtype=np.float32)
        self.cover = np.zeros(self.window.shape, dtype=np.float32)

    def add(self, amount: Field, dye: NDArray[np.float32]) -> None:
        """Add an amount of a dye at each pixel."""
        for channel in range(3):
            self.od[channel] += amount * dye[channel]


@dataclass(frozen=True)
class CellShape:
    """The geometry of one nucleated cell, drawn before painting."""

    recipe: CellRecipe
    outline: Outline
    nucleus: Nucleus

    @property
    def radius_um(self) -> float:
        """Radius of the circle of the same area."""
        return float(np.sqrt(self.outline.area_um2 / pi))


def draw_cell_shape(rng: np.random.Generator, recipe: CellRecipe, diameter_um: float) -> CellShape:
    """Draw the outline and nucleus of one cell. About a third of the cells are deformed."""
    outline = draw_outline(rng, diameter_um / 2, recipe.irregularity, 1 + abs(0.05 * rng.standard_normal()))
    if rng.random() < 0.35:  # flattened by a neighbour, or pulled towards it
        outline = bulge(outline, rng.uniform(0, 2 * pi), rng.uniform(-0.16, 0.18), rng.uniform(2, 9))
    return CellShape(recipe, outline, draw_nucleus(rng, recipe, diameter_um / 2))


def paint_cell(rng: np.random.Generator, shape: CellShape, look: SlideLook, window: Window) -> Paint:
    """Paint the cytoplasm, granules and nucleus of one cell."""
    recipe, dyes, um = shape.recipe, look.dyes, window.um_per_px
    paint = Paint(window)
    distance, relative = shape.outline.distance(window.x, window.y)
    ragged = 0.08 * window.noise(rng, 1.1)
    inside = ramp(distance + ragged * (recipe.blue[0] + 0.3), max(um, 0.15))
    nucleus_distance = shape.nucleus.distance(window.x, window.y) - ragged
    nucleus_distance = np.minimum(nucleus_distance, distance - np.float32(0.12))
    nucleus = ramp(nucleus_distance, max(um, 0.18))
    cytoplasm = inside * (1 - nucleus)

    # Cytoplasm: dyes of the recipe with clouds, paler in the Golgi zone and darker at the rim.
    cloud = window.noise(rng, 1.3)
    flank = relative * relative
    thin = 1 - 0.25 * flank * flank
    blue = draw_spread(rng, recipe.blue, 0.02) * (1 + 0.16 * cloud + recipe.rim * flank)
    if recipe.hof > 0:
        blue = blue * (1 - recipe.hof * _hof(rng, recipe, shape, window, nucleus_distance))
    paint.add(inside * np.maximum(blue, 0) * thin, dyes["blue"])
    pink = draw_spread(rng, recipe.eosin, 0.0) * (1 - 0.12 * cloud)
    paint.add(cytoplasm * np.maximum(pink, 0), dyes["eosin"])
    if recipe.haemoglobin[0] > 0:
        paint.add(cytoplasm * np.float32(draw_spread(rng, recipe.haemoglobin, 0.0)), dyes["haemoglobin"])
    dust = draw_spread(rng, recipe.fine_granules, 0.0) if recipe.fine_granules[0] > 0 else 0.0
    if dust > 0:
        grain = np.maximum(window.noise(rng, 0.3) - np.float32(0.3), 0) + 0.3
        paint.add(cytoplasm * grain * np.float32(0.19 * dust), dyes["azurophil"])
    if recipe.eosinophil > 0:
        _eosinophil_granules(rng, recipe, paint, dyes, cytoplasm)

    # Nucleus: clumped chromatin with pale gaps, membrane and nucleoli, and less of the cytoplasm's stain.
    paint.od *= 1 - 0.55 * nucleus
    chromatin = _chromatin(rng, recipe, window, nucleus_distance)
    for _ in range(rng.poisson(recipe.nucleoli) if recipe.nucleoli else 0):
        chromatin *= 1 - 0.42 * _nucleolus(rng, shape, window)
    paint.add(nucleus * chromatin, dyes["nuclear"])
    azurophil = draw_spread(rng, recipe.azurophil, 0.0) if recipe.azurophil[0] > 0 else 0.0
    if azurophil > 0:
        coarse = np.minimum(window.grains(rng, azurophil, 0.17), 1.4)
        paint.add(coarse * (0.62 * cytoplasm + 0.30 * nucleus), dyes["azurophil"])
    paint.cover = inside * np.float32(0.93)
    return paint


def _hof(
    rng: np.random.Generator, recipe: CellRecipe, shape: CellShape, window: Window, nucleus_distance: Field
) -> Field:
    """Return the pale zone: a ring around an erythroblast's nucleus, or a spot opposite a granulocyte's nucleus."""
    if "erythroblast" in recipe.name:
        return np.exp(-np.square(nucleus_distance / np.float32(0.7)))
    cx, cy = shape.nucleus.centre
    pull = 0.35 * shape.radius_um / max(np.hypot(cx, cy), 0.3)
    x, y = window.x + np.float32(cx * pull), window.y + np.float32(cy * pull)
    width = np.float32(shape.radius_um * rng.uniform(0.25, 0.45))
    return np.exp(-(np.square(x) + np.square(y)) / width**2)


def _chromatin(rng: np.random.Generator, recipe: CellRecipe, window: Window, nucleus_distance: Field) -> Field:
    """Return the amount of nuclear dye: clumps, finer gaps and the membrane."""
    clumps = np.tanh(1.5 * window.noise(rng, recipe.chromatin_grain_um) + 0.3)
    gaps = np.maximum(window.noise(rng, 0.2 + 0.2 * recipe.chromatin_grain_um) - np.float32(0.6), 0)
    membrane = np.exp(-np.square((nucleus_distance - np.float32(0.15)) / np.float32(0.3)))
    contrast = recipe.chromatin_contrast * rng.uniform(0.7, 1.2)
    amount = draw_spread(rng, recipe.chromatin, 0.4)
    return np.maximum(amount * (1 + contrast * (0.58 * clumps - 0.9 * gaps) + 0.12 * membrane), 0.2)


def _nucleolus(rng: np.random.Generator, shape: CellShape, window: Window) -> Field:
    """Return a nucleolus: a disc of 1 to 2.5 µm with a soft edge near the centre of the nucleus."""
    spread = 0.22 * shape.radius_um
    x, y = np.array(shape.nucleus.centre) + spread * rng.standard_normal(2)
    radius = rng.uniform(0.5, 1.2)
    gap = np.hypot(window.x - np.float32(x), window.y - np.float32(y))
    return ramp(np.float32(radius) - gap, 0.45)


def _eosinophil_granules(
    rng: np.random.Generator, recipe: CellRecipe, paint: Paint, dyes: dict[str, NDArray[np.float32]], cytoplasm: Field
) -> None:
    """Paint large, round, densely packed orange granules with bright gaps."""
    fill = recipe.eosinophil * rng.uniform(0.6, 1.15)
    field = np.tanh(1.1 * paint.window.grains(rng, 30.0 * fill, 0.21))
    paint.add(cytoplasm * (0.20 * np.float32(fill) + 0.62 * field), dyes["orange"])


def paint_red_cell(rng: np.random.Generator, outline: Outline, look: SlideLook, window: Window) -> Paint:
    """Paint a red cell: a grey-pink disc with a pale centre and a soft rim."""
    paint = Paint(window)
    distance, relative = outline.distance(window.x, window.y)
    inside = ramp(distance, max(window.um_per_px, 0.25))
    pallor = 0.0 if rng.random() < 0.25 else look.pallor * rng.uniform(0.5, 1.3)
    width = rng.uniform(0.38, 0.62)
    profile = 1 - np.float32(pallor) * np.exp(-(relative * relative * relative / np.float32(width**3)))
    profile += 0.16 * np.exp(-np.square((distance - np.float32(0.45)) / np.float32(0.35)))
    amount = np.float32(rng.normal(1.0, 0.10)) * inside * profile
    paint.add(amount, look.dyes["haemoglobin"])
    if rng.random() < 0.12:  # a young red cell still has RNA
        paint.add(inside * np.float32(rng.uniform(0.05, 0.18)), look.dyes["blue"])
    paint.cover = inside * np.float32(0.12)  # red cells are translucent: overlaps are darker
    return paint


def draw_red_cell_radius_um(rng: np.random.Generator) -> float:
    """Draw the radius of a red cell in µm, about 3.6."""
    return float(max(3.6 * np.exp(rng.normal(0, 0.08)), 2.5))


def draw_red_cell_outline(rng: np.random.Generator, radius_um: float) -> Outline:
    """Draw the outline of a red cell: round or oval, sometimes crenated, flattened or a teardrop."""
    kind = rng.random()
    if kind < 0.05:
        return draw_outline(rng, radius_um, 0.025, decay=-0.1)  # crenated
    outline = draw_outline(rng, radius_um, 0.03, 1 + abs(rng.normal(0, 0.09)))
    if kind < 0.35:
        return bulge(outline, rng.uniform(0, 2 * pi), rng.uniform(-0.2, 0.25), rng.uniform(2, 10))
    return outline
