"""The figure of a confusion matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellbench.errors import printable


def save_confusion(path: Path, table: np.ndarray, classes: Sequence[str], title: str) -> None:
    """Draw a confusion matrix, coloured by the share of each true class.

    Args:
        path: PNG file to write.
        table: Counts, shape (classes, classes), rows true and columns predicted.
        classes: Names of the classes.
        title: Title of the figure.
    """
    from matplotlib.figure import Figure

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
    literal = [printable(name).replace("$", r"\$") for name in classes]  # matplotlib reads $x$ as a formula
    names = [f"{name} ({total})" for name, total in zip(literal, totals[:, 0], strict=True)]
    axis.set_xticks(range(n), literal, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(n), names, fontsize=8)
    axis.set(xlabel="predicted", ylabel="true (n)")
    axis.set_title(title, fontsize=9)
    figure.savefig(path, dpi=110)
