"""The figure of a trial: reconstructions below their originals."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle


def save_reconstructions(
    path: Path,
    originals: np.ndarray,
    reconstructed: np.ndarray,
    weight_maps: np.ndarray,
    r_max: np.ndarray | None,
    title: str,
) -> None:
    """Draw originals, originals under the weight map, and reconstructions (as in figure 1 of the paper).

    Args:
        path: PNG file to write.
        originals: Values in 0–1, shape (N, H, H, 3).
        reconstructed: Same range and shape.
        weight_maps: Weights ≥ 0, shape (N, H, H).
        r_max: Radius of each mask in px of the originals, shape (N,), drawn as a circle; None without a radius.
        title: Title of the figure.
    """
    n = len(originals)
    figure = Figure(figsize=(1.6 * n, 5.2), layout="constrained")
    axes = figure.subplots(3, n, squeeze=False)
    circles = "" if r_max is None else " (blue: r_max; red: where the weight is a tenth of its largest)"
    figure.suptitle(title + circles, fontsize=9)
    for column in range(n):
        # Masks of different radius have different largest weights, so each is scaled by its own.
        weights = weight_maps[column] / max(float(weight_maps[column].max()), 1e-9)
        axes[0, column].imshow(originals[column])
        if r_max is not None:
            centre = (originals.shape[1] - 1) / 2
            axes[0, column].add_patch(Circle((centre, centre), r_max[column], fill=False, color="tab:blue"))
            axes[0, column].set_title(f"r_max {r_max[column]:.1f} px", fontsize=8)
        # Pixels of low weight are grey; the outline is where the weight is a tenth of its largest.
        shown = originals[column] * weights[..., None] + (1 - weights[..., None]) * 0.85
        axes[1, column].imshow(shown.clip(0, 1))
        if np.ptp(weights) > 0:
            axes[1, column].contour(weights, levels=[0.1], colors="tab:red", linewidths=0.8)
        axes[2, column].imshow(reconstructed[column].clip(0, 1))
    for row, label in zip(axes, ("patch", "weighted", "reconstructed"), strict=True):
        row[0].set_ylabel(label, fontsize=9)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=110)
