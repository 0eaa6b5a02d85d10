"""The ten cell types in numbers: their appearance in a Pappenheim-stained marrow smear.

Lengths are in µm. Dye amounts are in units of `stains.DYES`, where 1 is a typical full staining. Pairs are (mean,
standard deviation). Stages of one lineage overlap, because maturation is continuous. docs/marrow.md has the sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import erf, sqrt

import numpy as np

Spread = tuple[float, float]
"""Mean and standard deviation."""


@dataclass(frozen=True)
class CellRecipe:
    """How one cell type is drawn."""

    name: str
    frequency: float
    """Share among nucleated cells: a differential count, made more even so that each type can be scored."""
    diameter_um: Spread
    diameter_range_um: tuple[float, float]
    nucleus_share: Spread
    """Area of the nucleus divided by that of the cell, 0–1."""
    nucleus_kind: str
    """`round`, `stroke` (one bent stroke: indented, kidney or band) or `lobes` (segments joined by strands)."""
    chromatin: Spread
    """Amount of nuclear dye. It increases as chromatin condenses."""
    chromatin_grain_um: float
    chromatin_contrast: float
    blue: Spread
    """Cytoplasmic RNA (azure B), high in young cells."""
    haemoglobin: Spread = (0.0, 0.0)
    eosin: Spread = (0.05, 0.02)
    """Diffuse pink of the cytoplasm."""
    bend_deg: Spread = (0.0, 0.0)
    """Bend of the nucleus in degrees, only for `stroke`: 60 indented, 130 a kidney, 220 a horseshoe."""
    elongation: Spread = (1.06, 0.05)
    """Ratio of the long to the short axis of a `round` nucleus."""
    lobes: tuple[float, ...] = ()
    """Probabilities of 2, 3, 4 and 5 lobes, only for `lobes`."""
    eccentricity: float = 0.3
    """Position of the nucleus: 0 central, 1 touching the cell border."""
    nucleoli: float = 0.0
    """Mean number of visible nucleoli."""
    hof: float = 0.0
    """Strength of the pale Golgi zone, or of the pale ring around an erythroblast's nucleus: 0 none, 1 clear."""
    rim: float = 0.0
    """Relative increase of blue towards the cell border."""
    azurophil: Spread = (0.0, 0.0)
    """Coarse red-purple granules per 10 µm² of cytoplasm and nucleus."""
    fine_granules: Spread = (0.0, 0.0)
    """Strength of the fine lilac secondary (neutrophilic) granules."""
    eosinophil: float = 0.0
    """Density of large orange granules in the cytoplasm, 0–1."""
    irregularity: float = 0.03
    """Deviation of the outline from a circle, relative to the radius."""


RECIPES: tuple[CellRecipe, ...] = (
    CellRecipe(
        "promyelocyte", 0.07, (18.0, 2.2), (13.5, 25.0), (0.58, 0.07), "round",
        chromatin=(0.62, 0.07), chromatin_grain_um=0.75, chromatin_contrast=0.34, blue=(0.50, 0.13),
        elongation=(1.18, 0.09), eccentricity=0.65, nucleoli=1.8, hof=0.65, azurophil=(9.0, 3.5), irregularity=0.04,
    ),
    CellRecipe(
        "myelocyte", 0.12, (15.4, 1.8), (11.0, 20.0), (0.48, 0.07), "stroke",
        chromatin=(0.72, 0.08), chromatin_grain_um=0.95, chromatin_contrast=0.42, blue=(0.27, 0.11), eosin=(0.11, 0.05),
        bend_deg=(35.0, 22.0), eccentricity=0.7, nucleoli=0.2, hof=0.4, azurophil=(1.8, 1.5), fine_granules=(0.45, 0.2),
        irregularity=0.04,
    ),
    CellRecipe(
        "metamyelocyte", 0.11, (13.9, 1.5), (10.0, 18.0), (0.43, 0.06), "stroke",
        chromatin=(0.80, 0.08), chromatin_grain_um=1.05, chromatin_contrast=0.45, blue=(0.16, 0.08), eosin=(0.13, 0.05),
        bend_deg=(105.0, 27.0), eccentricity=0.5, azurophil=(0.7, 0.8), fine_granules=(0.6, 0.2), irregularity=0.04,
    ),
    CellRecipe(
        "band", 0.12, (12.9, 1.3), (10.0, 16.0), (0.37, 0.05), "stroke",
        chromatin=(0.88, 0.08), chromatin_grain_um=1.1, chromatin_contrast=0.42, blue=(0.10, 0.06), eosin=(0.15, 0.05),
        bend_deg=(200.0, 38.0), eccentricity=0.15, azurophil=(0.4, 0.5), fine_granules=(0.65, 0.2), irregularity=0.05,
    ),
    CellRecipe(
        "segmented", 0.16, (12.5, 1.3), (9.5, 16.0), (0.31, 0.05), "lobes",
        chromatin=(0.94, 0.09), chromatin_grain_um=1.15, chromatin_contrast=0.38, blue=(0.08, 0.05), eosin=(0.16, 0.05),
        lobes=(0.16, 0.48, 0.29, 0.07), eccentricity=0.15, azurophil=(0.3, 0.4), fine_granules=(0.65, 0.2),
        irregularity=0.05,
    ),
    CellRecipe(
        "eosinophil", 0.07, (13.9, 1.5), (10.5, 18.0), (0.33, 0.07), "lobes",
        chromatin=(0.86, 0.09), chromatin_grain_um=1.1, chromatin_contrast=0.40, blue=(0.14, 0.09), eosin=(0.22, 0.08),
        lobes=(0.74, 0.24, 0.02, 0.0), eccentricity=0.45, eosinophil=0.85, irregularity=0.05,
    ),
    CellRecipe(
        "lymphocyte", 0.13, (10.2, 1.5), (8.0, 16.0), (0.76, 0.08), "round",
        chromatin=(0.90, 0.09), chromatin_grain_um=1.5, chromatin_contrast=0.30, blue=(0.34, 0.14),
        elongation=(1.09, 0.06), eccentricity=0.5, nucleoli=0.1, rim=0.15, azurophil=(0.15, 0.5), irregularity=0.05,
    ),
    CellRecipe(
        "basophilic_erythroblast", 0.06, (14.2, 1.6), (11.0, 18.0), (0.66, 0.06), "round",
        chromatin=(0.80, 0.08), chromatin_grain_um=1.0, chromatin_contrast=0.46, blue=(0.95, 0.18),
        haemoglobin=(0.1, 0.1), elongation=(1.04, 0.03), eccentricity=0.2, nucleoli=0.4, hof=0.5, rim=0.35,
    ),
    CellRecipe(
        "polychromatic_erythroblast", 0.11, (11.8, 1.4), (9.0, 15.0), (0.45, 0.08), "round",
        chromatin=(0.90, 0.09), chromatin_grain_um=1.25, chromatin_contrast=0.55, blue=(0.40, 0.14),
        haemoglobin=(0.55, 0.2), elongation=(1.05, 0.04), eccentricity=0.3, hof=0.2, rim=0.12,
    ),
    CellRecipe(
        "orthochromatic_erythroblast", 0.05, (9.7, 1.0), (8.0, 12.5), (0.29, 0.07), "round",
        chromatin=(1.12, 0.10), chromatin_grain_um=1.5, chromatin_contrast=0.14, blue=(0.13, 0.08),
        haemoglobin=(1.0, 0.2), elongation=(1.06, 0.05), eccentricity=0.6,
    ),
)  # fmt: skip
"""The cell types in the order of the paper's lineages, which is the class order of every marrow data set."""

CLASS_NAMES: tuple[str, ...] = tuple(recipe.name for recipe in RECIPES)
MATURATION: tuple[tuple[str, ...], ...] = (CLASS_NAMES[:5], CLASS_NAMES[7:])
"""Stages of maturation: granulocytes from promyelocyte to segmented, and erythroblasts."""
FREQUENCIES = np.array([recipe.frequency for recipe in RECIPES]) / sum(recipe.frequency for recipe in RECIPES)


def draw_spread(rng: np.random.Generator, spread: Spread, low: float = 0.0, high: float = np.inf) -> float:
    """Draw from the normal distribution of (mean, standard deviation), clipped to [low, high]."""
    return float(min(max(spread[0] + spread[1] * rng.standard_normal(), low), high))


def draw_diameter_um(rng: np.random.Generator, recipe: CellRecipe) -> float:
    """Draw a diameter of a cell type in µm, within its textbook range."""
    return draw_spread(rng, recipe.diameter_um, *recipe.diameter_range_um)


@lru_cache(maxsize=1)
def median_diameter_um() -> float:
    """Return the median diameter over all cell types at their frequencies in µm, by bisection of the mixture."""
    low, high = 5.0, 30.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        below = sum(
            share * 0.5 * (1 + erf((middle - recipe.diameter_um[0]) / recipe.diameter_um[1] / sqrt(2)))
            for share, recipe in zip(FREQUENCIES, RECIPES, strict=True)
        )
        low, high = (middle, high) if below < 0.5 else (low, middle)
    return low
