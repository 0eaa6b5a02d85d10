"""Draw macro F1 over the radius for every grid: each seed, the mean, and the estimated radius.

python -m bench.study.radius.curves docs/radius/grid-*.csv --figure docs/radius/curves.png
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bench.study.radius.grid_curve import GridCurve
from bench.study.radius.ranking import Route, estimated_route
from bench.terminal.console import say, user_errors
from cellbench.output_files import check_output, output_file

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
TOLERANCE = 0.01
"""Difference of macro F1 to the best that counts as equally good."""
COLUMNS = 5
"""Panels in a row of the figure."""


@app.command()
@user_errors
def curves(
    tables: Annotated[list[Path], typer.Argument(help="Tables of bench.study.radius.grid.", exists=True)],
    figure: Annotated[Path, typer.Option(help="PNG file to write.")],
) -> None:
    """Draw macro F1 over the radius, one panel for each data set."""
    import pandas as pd

    check_output(figure, "--figure")
    read = [pd.read_csv(path) for path in tables]
    found = [(str(t["dataset"].iloc[0]), GridCurve.of(t), estimated_route(str(t["dataset"].iloc[0]))) for t in read]
    draw(found, figure)
    say(f"Figure: {figure}")


def equally_good_radii(curve: GridCurve) -> tuple[float, float]:
    """Return the interval around the best radius in which mean macro F1 is within `TOLERANCE` of the best.

    Returns:
        Its smallest and largest radius, px of a 256 px patch.
    """
    fine = np.geomspace(curve.radii[0], curve.radii[-1], 1001)
    good = np.array([curve.at(radius) for radius in fine]) >= curve.best - TOLERANCE
    best = int(np.abs(np.log(fine / curve.radii[curve.mean.argmax()])).argmin())
    bad = np.flatnonzero(~good)
    low = bad[bad < best].max(initial=-1) + 1
    high = bad[bad > best].min(initial=len(fine)) - 1
    return float(fine[low]), float(fine[high])


def draw(found: Sequence[tuple[str, GridCurve, Route | None]], path: Path) -> None:
    """Draw a panel for each data set.

    Args:
        found: Name of each data set, the curve of its grid, and the route of its estimated radius if it is known.
        path: PNG file to write.
    """
    from matplotlib.figure import Figure

    rows = -(-len(found) // COLUMNS)
    canvas = Figure(figsize=(3.4 * COLUMNS, 2.9 * rows + 0.5), layout="constrained")
    panels: list[Any] = list(canvas.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes, (name, curve, estimate) in zip(panels, found, strict=False):
        axes.axvspan(
            *equally_good_radii(curve), color="#b7d7a8", alpha=0.5, linewidth=0, label="mean within 0.01 of the best"
        )
        for number, seed in enumerate(curve.f1):
            axes.plot(curve.radii, seed, color="#9aa5b1", linewidth=0.8, label=None if number else "one seed")
        axes.plot(curve.radii, curve.mean, "o-", color="#2a6f97", markersize=4, label="mean of the seeds")
        if estimate is not None:
            axes.axvline(estimate.picked, color="#c9632a", linestyle="--", label="estimate, no labels")
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(curve.radii, [f"{radius:g}" for radius in curve.radii])
        axes.set_title(name, loc="left", fontsize=10)
        axes.tick_params(labelsize=8)
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    for axes in panels[-COLUMNS:]:
        axes.set_xlabel("r_max (px of 256)", fontsize=9)
    canvas.supylabel("macro F1", fontsize=9)
    legends = [axes.get_legend_handles_labels() for axes in panels]
    canvas.legend(
        *max(legends, key=lambda both: len(both[1])), loc="outside lower center", ncols=4, frameon=False, fontsize=9
    )
    with output_file(path) as part:
        canvas.savefig(part, dpi=120, format="png")


if __name__ == "__main__":
    app()
