"""Draws a critical-difference diagram: average ranks of methods over data sets, as in Demšar 2006."""

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.statistics.comparison.ranks import Ranking

METHOD, GROUP = "#2a6f97", "#333333"
ROW = 0.3
"""Height of a line of the diagram in inches."""


def critical_difference_figures(ranking: "Ranking") -> dict[str, bytes]:
    """Return the diagram as the bytes of a PNG and of an SVG, by the ending of the file.

    The best rank is on the left, and a bar joins methods that are not shown to differ.
    The better half of the methods has its names on the left, the others on the right.

    Args:
        ranking: Average ranks, critical difference and groups.
    """
    from matplotlib.figure import Figure

    names, ranks = list(ranking.ranks), list(ranking.ranks.values())
    n = len(names)
    n_left = (n + 1) // 2
    first_name = 0.8 + 0.4 * len(ranking.groups)
    depth = first_name + n_left
    figure = Figure(figsize=(10, 1.3 + ROW * (depth + 2)), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(1 - 0.42 * (n - 1), n + 0.42 * (n - 1)), ylim=(depth, -2.6))
    axes.axis("off")
    _draw_axis(axes, n, ranking.critical_difference)
    for place, (name, rank) in enumerate(ranking.ranks.items()):
        on_left = place < n_left
        y = first_name + (place if on_left else n - 1 - place)
        end = 1 - 0.04 * (n - 1) if on_left else n + 0.04 * (n - 1)
        axes.plot([rank, rank, end], [0, y, y], color=METHOD, linewidth=1)
        text = f"{name}  {rank:.2f}" if on_left else f"{rank:.2f}  {name}"
        axes.text(end, y, f" {text} ", ha="right" if on_left else "left", va="center", fontsize=9)
    for place, group in enumerate(ranking.groups):
        ends = [ranks[names.index(group[0])], ranks[names.index(group[-1])]]
        margin = 0.004 * (n - 1)
        y = 0.5 + 0.4 * place
        axes.plot([ends[0] - margin, ends[1] + margin], [y, y], color=GROUP, linewidth=4, solid_capstyle="butt")
    axes.set_title(
        f"Average rank over {ranking.n_datasets} data sets; Friedman's test: p = {ranking.p:.4f}\n"
        "(1 is best; a bar joins methods that are not shown to differ)",
        loc="left", fontsize=10,
    )  # fmt: skip
    found = {}
    for ending in ("png", "svg"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=ending, dpi=130, metadata={"Date": None} if ending == "svg" else None)
        found[ending] = buffer.getvalue()
    return found


def _draw_axis(axes: Any, n: int, width: float) -> None:
    """Draw the scale of ranks, and the critical difference above it.

    Args:
        axes: Where to draw.
        n: Number of methods.
        width: Critical difference in ranks.
    """
    axes.plot([1, n], [0, 0], color="black", linewidth=1)
    step = max(1, round((n - 1) / 10))
    for rank in range(1, n + 1):
        is_named = (rank - 1) % step == 0
        axes.plot([rank, rank], [0, -0.3 if is_named else -0.15], color="black", linewidth=1)
        if is_named:
            axes.text(rank, -0.4, str(rank), ha="center", va="bottom", fontsize=9)
    if width <= n - 1:
        axes.plot([1, 1 + width], [-1.6, -1.6], color="black", linewidth=2)
        for end in (1, 1 + width):
            axes.plot([end, end], [-1.45, -1.75], color="black", linewidth=2)
        axes.text(1 + width / 2, -1.8, f"critical difference {width:.2f}", ha="center", va="bottom", fontsize=9)
    else:
        text = f"critical difference {width:.1f}, wider than the scale: too few data sets to tell any two apart"
        axes.text(1, -1.6, text, ha="left", va="bottom", fontsize=9)
