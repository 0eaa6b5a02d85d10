"""Drawing of one patch: first a plan of its centre cell, then the painting of that cell and its surroundings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from cellbench.marrow.artefacts import (
    ARTEFACT_SHARES,
    ARTEFACTS,
    ArtefactRecipe,
    draw_artefact_outline,
    paint_platelet,
)
from cellbench.marrow.cells import FREQUENCIES, RECIPES, draw_diameter_um
from cellbench.marrow.crowd import Crowd
from cellbench.marrow.draw import (
    CellShape,
    Paint,
    draw_cell_shape,
    draw_red_cell_outline,
    draw_red_cell_radius_um,
    open_window,
    paint_cell,
    paint_red_cell,
)
from cellbench.marrow.fields import smooth_noise
from cellbench.marrow.outlines import Outline
from cellbench.marrow.spec import MarrowSpec
from cellbench.marrow.stains import SlideLook, draw_slide_look

_PLAN, _CENTRE, _AROUND, _CAMERA = range(4)
"""Random streams. They are separate, so that a change of the surroundings does not change the cell."""

_REACH = 0.35
"""Distance beyond the outline up to which objects are painted, µm (soft edges)."""


@dataclass(frozen=True)
class PatchPlan:
    """The cell or artefact at the centre of a patch."""

    index: int
    slide: int
    class_code: int
    """Code into `CLASS_NAMES`, −1 for an artefact."""
    centre_um: tuple[float, float]
    """x and y in µm from the top left corner of the patch."""
    shape: CellShape | None
    artefact: ArtefactRecipe | None
    outline: Outline

    @property
    def radius_um(self) -> float:
        """Radius of the circle with the area of the whole outline, also if the border of the patch cuts it."""
        return sqrt(self.outline.area_um2 / pi)


def _stream(spec: MarrowSpec, index: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([spec.seed, 2, index, stream])


@lru_cache(maxsize=32)
def _slide_shares(seed: int, first: int, n_slides: int) -> NDArray[np.float64]:
    """Return the share of the patches of each slide. Shares are unequal, as in any archive."""
    weights = np.exp(np.random.default_rng([seed, 0, first]).normal(0, 0.35, n_slides))
    return weights / weights.sum()


@lru_cache(maxsize=512)
def slide_look(seed: int, slide: int) -> SlideLook:
    """Return the appearance of a slide, cached."""
    return draw_slide_look(seed, slide)


def plan_patch(spec: MarrowSpec, index: int) -> PatchPlan:
    """Draw the plan of patch `index`: slide, class, position, size and outline of its centre cell."""
    rng = _stream(spec, index, _PLAN)
    role = spec.role_of(index)
    slides = spec.slides_of(role)
    slide = slides[int(rng.choice(len(slides), p=_slide_shares(spec.seed, slides.start, len(slides))))]
    shift = spec.jitter_std_px * rng.standard_normal(2)
    shift *= min(1.0, spec.max_offset_px / max(float(np.hypot(*shift)), 1e-9))
    x, y = (spec.size / 2 + shift) * spec.um_per_px
    is_artefact = rng.random() < spec.artefact_share and role in (None, "pool")
    own_size = rng.random() < spec.class_size_correlation
    if is_artefact:
        artefact = ARTEFACTS[int(rng.choice(len(ARTEFACTS), p=ARTEFACT_SHARES))]
        outline = draw_artefact_outline(rng, artefact)
        return PatchPlan(index, slide, -1, (float(x), float(y)), None, artefact, outline)
    frequencies = slide_look(spec.seed, slide).class_frequencies
    code = int(rng.choice(len(RECIPES), p=frequencies))
    other = int(rng.choice(len(RECIPES), p=FREQUENCIES))
    diameter = draw_diameter_um(rng, RECIPES[code if own_size else other])
    shape = draw_cell_shape(rng, RECIPES[code], diameter)
    return PatchPlan(index, slide, code, (float(x), float(y)), shape, None, shape.outline)


def draw_mask(spec: MarrowSpec, plan: PatchPlan) -> NDArray[np.uint8]:
    """Return the contour mask of the centre cell: uint8, 1 inside, shape (size, size). Other cells do not cover it."""
    mask = np.zeros((spec.size, spec.size), dtype=np.uint8)
    window = open_window(spec.size, spec.um_per_px, plan.centre_um, plan.outline.reach_um)
    if window is not None:
        mask[window.rows, window.columns] = plan.outline.distance(window.x, window.y)[0] > 0
    return mask


def draw_patch(spec: MarrowSpec, plan: PatchPlan) -> NDArray[np.uint8]:
    """Paint a patch: uint8, 0–255, shape (size, size, 3)."""
    look = slide_look(spec.seed, plan.slide)
    around, centre = _stream(spec, plan.index, _AROUND), _stream(spec, plan.index, _CENTRE)
    canvas = np.zeros((3, spec.size, spec.size), dtype=np.float32)
    if look.haze > 0:
        haze = look.haze * (1 + 0.3 * smooth_noise(around, spec.size, spec.size, 4.0 / spec.um_per_px))
        canvas += np.maximum(haze, 0)[None] * (look.dyes["eosin"] + 0.5 * look.dyes["blue"])[:, None, None]
    below, above = _surroundings(spec, plan, look, around)
    for paint in below:
        _lay(canvas, paint)
    _lay(canvas, _centre_paint(spec, plan, look, centre))
    for paint in above:
        _lay(canvas, paint)
    return _photograph(spec, look, canvas, _stream(spec, plan.index, _CAMERA))


def _lay(canvas: NDArray[np.float32], paint: Paint | None) -> None:
    """Add an object to the light path: it hides a share of the objects below and adds its own optical density."""
    if paint is not None:
        area = canvas[:, paint.window.rows, paint.window.columns]
        area *= 1 - paint.cover
        area += paint.od


def _centre_paint(spec: MarrowSpec, plan: PatchPlan, look: SlideLook, rng: np.random.Generator) -> Paint | None:
    margin = _REACH if plan.shape is not None else 3.0
    window = open_window(spec.size, spec.um_per_px, plan.centre_um, plan.outline.reach_um + margin)
    if window is None:
        return None
    if plan.shape is not None:
        return paint_cell(rng, plan.shape, look, window)
    assert plan.artefact is not None
    return plan.artefact.paint(rng, plan.outline, look, window)


def _surroundings(
    spec: MarrowSpec, plan: PatchPlan, look: SlideLook, rng: np.random.Generator
) -> tuple[list[Paint | None], list[Paint | None]]:
    """Paint the surroundings: the objects below the centre cell, and those above it."""
    below: list[Paint | None] = []
    above: list[Paint | None] = []
    if spec.crowding == 0:
        return below, above
    side = spec.size * spec.um_per_px
    field_area = (side + 8.0) ** 2  # µm², including cells that only partly lie in the patch
    density = spec.crowding * look.density * float(np.exp(rng.normal(0, 0.35)))
    n_red = int(rng.poisson(0.008 * density * field_area))
    n_nucleated = int(rng.poisson(0.0068 * density * look.nucleated_share * field_area))
    n_platelets = int(rng.poisson(0.0016 * density * field_area))
    crowd = Crowd(side, plan.centre_um, plan.radius_um)

    for _ in range(n_nucleated):
        recipe = RECIPES[int(rng.choice(len(RECIPES), p=look.class_frequencies))]
        diameter = draw_diameter_um(rng, recipe)
        place = crowd.find_place(rng, diameter / 2, overlap=(0.02, 0.25))
        window = place and open_window(spec.size, spec.um_per_px, place, 0.6 * diameter + _REACH)
        if window:
            shape = draw_cell_shape(rng, recipe, diameter)
            (above if rng.random() < 0.25 else below).append(paint_cell(rng, shape, look, window))

    for _ in range(n_red):
        radius = draw_red_cell_radius_um(rng)
        place = crowd.find_place(rng, radius, overlap=(0.05, 0.5))
        window = place and open_window(spec.size, spec.um_per_px, place, 1.25 * radius + _REACH)
        if window:
            outline = draw_red_cell_outline(rng, radius)
            (above if rng.random() < 0.2 else below).append(paint_red_cell(rng, outline, look, window))

    for _ in range(n_platelets):
        place = (rng.uniform(0, side), rng.uniform(0, side))
        window = open_window(spec.size, spec.um_per_px, place, 2.6)
        if window is not None:
            below.append(paint_platelet(rng, look, window))
    return below, above


def _photograph(
    spec: MarrowSpec, look: SlideLook, canvas: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the image of the optical densities: light through the stain (Beer–Lambert law), lens and camera."""
    angle, fall = rng.uniform(0, 2 * pi), look.shading * rng.uniform(0.5, 1.5)
    ramp = np.linspace(-0.5, 0.5, spec.size, dtype=np.float32)
    light = 1 + np.float32(fall * cos(angle)) * ramp[None, :] + np.float32(fall * sin(angle)) * ramp[:, None]
    exposure = np.float32(rng.normal(1.0, 0.012))
    image = np.exp(-canvas) * (look.light[:, None, None] * exposure) * light
    grey = image.mean(axis=0)
    image = grey + np.float32(look.saturation) * (image - grey)
    focus = look.blur_um * float(np.exp(rng.normal(0, 0.2))) * (2.2 if rng.random() < 0.04 else 1.0)
    sigma = focus / spec.um_per_px
    if sigma > 0.2:
        image = gaussian_filter(image, sigma, truncate=3.0, axes=(1, 2))
    image *= 255
    image += np.float32(look.noise) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.ascontiguousarray(np.clip(np.rint(image), 0, 255).astype(np.uint8).transpose(1, 2, 0))
