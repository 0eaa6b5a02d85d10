"""Pictures of a trial: reconstructions beside originals, and the confusion matrix."""

from collections.abc import Sequence
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
    """Draw originals with the weight map over them, and their reconstructions below (as the paper's figure 1).

    Args:
        path: PNG file to write.
        originals: Values in 0–1, shape (N, H, H, 3).
        reconstructed: Same shape.
        weight_maps: Weights ≥ 0, shape (N, H, H).
        r_max: Radius of each mask in px of the originals, shape (N,), drawn as a circle; None where there is none.
        title: A line above.
    """
    n = len(originals)
    figure = Figure(figsize=(1.6 * n, 5.2), layout="constrained")
    axes = figure.subplots(3, n, squeeze=False)
    circles = "" if r_max is None else " (blue: r_max; red: where the weight is a tenth of its largest)"
    figure.suptitle(title + circles, fontsize=9)
    for column in range(n):
        weights = weight_maps[column] / max(
            float(weight_maps[column].max()), 1e-9
        )  # masks of unlike radius, each by itself
        axes[0, column].imshow(originals[column])
        if r_max is not None:
            centre = (originals.shape[1] - 1) / 2
            axes[0, column].add_patch(Circle((centre, centre), r_max[column], fill=False, color="tab:blue"))
            axes[0, column].set_title(f"r_max {r_max[column]:.1f} px", fontsize=8)
        # What counts little is greyed out; the outline is where the weight has fallen to a tenth.
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


def save_confusion(path: Path, table: np.ndarray, classes: Sequence[str], title: str) -> None:
    """Draw a confusion matrix, coloured by the share of each true class.

    Args:
        path: PNG file to write.
        table: Counts of shape (classes, classes), rows true and columns predicted.
        classes: Names of the classes.
        title: A line above.
    """
    n = len(classes)
    side = 1.8 + 0.55 * n
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axis = figure.subplots()
    totals = table.sum(axis=1, keepdims=True)
    share = np.divide(table, totals, out=np.zeros(table.shape), where=totals > 0)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(n, n):
        if table[i, j]:
            colour = "white" if share[i, j] > 0.5 else "black"
            axis.text(j, i, str(table[i, j]), ha="center", va="center", fontsize=8, color=colour)
    names = [f"{name} ({total})" for name, total in zip(classes, totals[:, 0], strict=True)]
    axis.set_xticks(range(n), list(classes), rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(n), names, fontsize=8)
    axis.set(xlabel="predicted", ylabel="true (n)")
    axis.set_title(title, fontsize=9)
    figure.savefig(path, dpi=110)
