"""Appearance of slides: dyes as optical densities, light, focus and noise. All differ between slides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellbench.marrow.cells import FREQUENCIES

DYES: dict[str, tuple[float, float, float]] = {
    # Optical density (natural logarithm) of one unit in red, green and blue, measured on Pappenheim-type stains.
    "nuclear": (1.32, 2.02, 0.66),  # azure B with eosin on DNA: purple
    "blue": (0.98, 0.86, 0.25),  # azure B on RNA: blue
    "eosin": (0.10, 0.62, 0.50),  # eosin Y: pink
    "orange": (0.30, 0.86, 0.92),  # eosinophil granules: orange-red
    "haemoglobin": (0.19, 0.37, 0.36),  # red cells: grey-pink
    "azurophil": (0.52, 1.30, 0.45),  # azurophilic granules: red-purple
}
DYE_NAMES = tuple(DYES)
_OPTICAL_DENSITIES = np.array(list(DYES.values()))  # (dyes, rgb)


@dataclass(frozen=True)
class SlideLook:
    """Stain, light and optics of one slide."""

    dyes: dict[str, NDArray[np.float32]]
    """Optical density of one unit of each dye in red, green and blue, shape (3,)."""
    light: NDArray[np.float32]
    """Transmitted light of the empty slide in red, green and blue, 0–1, shape (3,)."""
    shading: float
    """Relative decrease of the light across a patch."""
    blur_um: float
    noise: float
    """Standard deviation of the camera noise, in grey levels of 0–255."""
    saturation: float
    haze: float
    """Optical density of stained plasma between the cells."""
    pallor: float
    """Depth of the central pallor of red cells, 0–1."""
    density: float
    """Cell density of this slide relative to the others."""
    nucleated_share: float
    """Share of nucleated cells among the neighbours, relative to other slides."""
    class_frequencies: NDArray[np.float64]
    """Differential count of this slide: the share of each cell type."""


def draw_slide_look(seed: int, slide: int) -> SlideLook:
    """Draw the appearance of a slide. It depends only on the seed and the number of the slide."""
    rng = np.random.default_rng([seed, 1, slide])
    strength = np.exp(rng.normal(0, 0.08)) * np.exp(rng.normal(0, [0.07, 0.11, 0.11, 0.10, 0.14, 0.12]))
    hue = np.exp(rng.normal(0, 0.04, 3) + rng.normal(0, 0.03, (len(DYES), 3)))
    od = _OPTICAL_DENSITIES * strength[:, None] * hue
    ph = rng.normal(0, 0.05)  # an acid buffer makes stains pink, an alkaline one blue
    od *= np.array([1 - ph, 1 + 0.3 * ph, 1 + ph])
    warmth = rng.normal(0.35, 0.55)  # white balance: cream to bluish white
    light = np.array([0.985, 0.935, 0.90]) + warmth * np.array([0.010, -0.012, -0.060]) + rng.normal(0, 0.010, 3)
    return SlideLook(
        dyes={name: row.astype(np.float32) for name, row in zip(DYE_NAMES, od, strict=True)},
        light=np.clip(light, 0.72, 0.995).astype(np.float32),
        shading=float(abs(rng.normal(0, 0.035))),
        blur_um=float(np.clip(0.11 * np.exp(rng.normal(0, 0.35)), 0.05, 0.30)),
        noise=float(rng.uniform(0.8, 3.0)),
        saturation=float(np.clip(rng.normal(1.0, 0.12), 0.7, 1.3)),
        haze=float(np.clip(rng.normal(0.03, 0.03), 0.0, 0.12)),
        pallor=float(np.clip(rng.normal(0.5, 0.18), 0.05, 0.85)),
        density=float(np.exp(rng.normal(0, 0.28))),
        nucleated_share=float(np.exp(rng.normal(0, 0.4))),
        class_frequencies=rng.dirichlet(FREQUENCIES * 40.0),
    )
