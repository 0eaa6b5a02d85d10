"""Draws an estimated radius: its profile, and its circle over patches."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.terminal.formatting import length_in_words
from cellbench.output_files import output_file

if TYPE_CHECKING:
    from cellbench.patches import PatchSet
    from cellbench.radius import RadiusEstimate

CURVE, RADIUS, BAND = "#2a6f97", "#d1495b", "#f2c5cb"
N_ROWS, N_COLUMNS = 4, 8
"""Rows and columns of patches in the figure."""


def draw_radius(patch_set: "PatchSet", found: "RadiusEstimate", path: Path, seed: int = 0) -> None:
    """Write a figure of the profile beside patches with circles of the radius (solid) and the largest cells (dotted).

    Args:
        patch_set: The data set.
        found: Estimate of the radius.
        path: PNG file, written atomically.
        seed: Seed of the choice of patches. None is from the holdout.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 5), layout="constrained")
    profile, sheet = figure.subplots(1, 2, width_ratios=[2, 3])
    _draw_profile(profile, found)
    card = patch_set.card
    profile.set_title(f"{card.name}: {length_in_words(found.radius_px, card.um_per_px)}", loc="left")
    _draw_sheet(sheet, patch_set, found, seed)
    with output_file(path) as part:
        figure.savefig(part, dpi=110, format="png")


def _draw_profile(axes: Any, found: "RadiusEstimate") -> None:
    outside = found.distances_px >= found.shoulder_px
    top = max(1.2, 1.05 * float(found.dependence[outside].max()))
    axes.axvspan(found.low_px, found.high_px, color=BAND, label="95 % bootstrap interval")
    axes.axvline(found.radius_px, color=RADIUS, label="radius: half of the fall")
    if np.isfinite(found.knee_px):
        axes.axvline(found.knee_px, color=RADIUS, linestyle=":", label="largest cells: nine tenths of it")
    axes.plot(found.distances_px, found.dependence.clip(max=2 * top), color=CURVE, marker="o", markersize=3)
    knots = [part.split(":") for part in found.weight_text.split()]
    axes.plot([float(d) for d, _ in knots], [float(w) for _, w in knots], color="black", lw=1, ls="--", label="profile")
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.set(xlabel="distance to the centre (px)", ylim=(min(-0.1, float(found.dependence.min())), top + 0.3))
    axes.set_ylabel("dependence of a ring's points (1: shoulder, 0: plateau)")
    axes.set_xlim(left=0)
    axes.legend(loc="upper right", fontsize=8)


def _draw_sheet(axes: Any, patch_set: "PatchSet", found: "RadiusEstimate", seed: int) -> None:
    from matplotlib.patches import Circle

    size = patch_set.card.native_size
    rows = np.flatnonzero(~patch_set.index["in_holdout"].to_numpy(dtype=bool))
    shown = np.random.default_rng(seed).permutation(rows)[: N_ROWS * N_COLUMNS]
    canvas = np.full((N_ROWS * size, N_COLUMNS * size, 3), 255, np.uint8)
    for place, row in enumerate(shown):
        top, left = place // N_COLUMNS * size, place % N_COLUMNS * size
        canvas[top : top + size, left : left + size] = patch_set.patches[row]
        centre = (left + (size - 1) / 2, top + (size - 1) / 2)
        for reach, style in ((found.radius_px, "-"), (found.knee_px, ":")):
            if np.isfinite(reach):
                axes.add_patch(Circle(centre, reach, fill=False, color="#00e05a", linewidth=1.2, linestyle=style))
    axes.imshow(canvas)
    for line in range(1, N_ROWS):
        axes.axhline(line * size - 0.5, color="white", linewidth=1)
    for line in range(1, N_COLUMNS):
        axes.axvline(line * size - 0.5, color="white", linewidth=1)
    axes.set(xticks=[], yticks=[])
