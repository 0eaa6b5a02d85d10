"""The figure of a trial: reconstructions below their originals."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

GAP = 0.08
"""Space between two patches, in sides of a patch."""
ROWS = ("patch", "weighted", "reconstructed")
SIDE = 1.5
"""Side of a patch in inches."""


def save_reconstructions(
    path: Path,
    originals: np.ndarray,
    reconstructed: np.ndarray,
    weight_maps: np.ndarray,
    r_max: np.ndarray | None,
    title: str,
) -> None:
    """Draw originals, originals under the weight map, and reconstructions (as in figure 1 of the paper).

    All patches are images in one pair of axes: a pair of axes for each would take seconds to lay out.

    Args:
        path: PNG file to write.
        originals: Values in 0–1, shape (N, H, H, 3).
        reconstructed: Same range and shape.
        weight_maps: Weights ≥ 0, shape (N, H, H).
        r_max: Radius of each mask in px of the originals, shape (N,), drawn as a circle; None without a radius.
        title: Title of the figure.
    """
    n, side = originals.shape[:2]
    step = side * (1 + GAP)
    width, height = n * step - GAP * side, len(ROWS) * step - GAP * side
    left, top = 0.25, 0.35 if r_max is None else 0.55  # inches
    inches = left + width / side * SIDE, top + height / side * SIDE
    figure = Figure(figsize=inches)
    axes = figure.add_axes((left / inches[0], 0, 1 - left / inches[0], 1 - top / inches[1]))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    circles = "" if r_max is None else " (blue: r_max; red: where the weight is a tenth of its largest)"
    figure.text(0.01, 1 - 0.05 / inches[1], title + circles, fontsize=9, va="top")
    for row, label in enumerate(ROWS):
        axes.text(-0.1 / SIDE * side, row * step + side / 2, label, fontsize=9, rotation=90, ha="right", va="center")
    pixels = np.arange(side) + 0.5
    for column in range(n):
        # Masks of different radius have different largest weights, so each is scaled by its own.
        weights = weight_maps[column] / max(float(weight_maps[column].max()), 1e-9)
        # Pixels of low weight are grey; the outline is where the weight is a tenth of its largest.
        weighted = originals[column] * weights[..., None] + (1 - weights[..., None]) * 0.85
        x = column * step
        for row, shown in enumerate((originals[column], weighted, reconstructed[column])):
            extent = (x, x + side, row * step + side, row * step)
            axes.imshow(shown.clip(0, 1), extent=extent, interpolation="nearest", aspect="auto")
        if r_max is not None:
            outline = Circle((x + side / 2, side / 2), r_max[column], fill=False, color="tab:blue")
            axes.add_patch(outline)
            outline.set_clip_path(Rectangle((x, 0), side, side, transform=axes.transData))
            axes.text(x + side / 2, -0.02 * side, f"r_max {r_max[column]:.1f} px", fontsize=8, ha="center")
        if np.ptp(weights) > 0:
            axes.contour(x + pixels, step + pixels, weights, levels=[0.1], colors="tab:red", linewidths=0.8)
    axes.set(xlim=(0, width), ylim=(height, 0))  # drawing an image changes the limits
    figure.savefig(path, dpi=110)
