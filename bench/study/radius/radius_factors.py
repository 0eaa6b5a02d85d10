"""Show macro F1 at multiples of the estimated cell radius: the measurement behind `cellbench.radius.factors`.

python -m bench.study.radius.radius_factors docs/radius/grid-*.csv
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.study.radius.grid_curve import GridCurve
from bench.terminal.console import console, note, say, user_errors

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FACTORS = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.75, 2.0)
"""Multiples of the estimated radius that are shown."""


@app.command()
@user_errors
def radius_factors(
    tables: Annotated[list[Path], typer.Argument(help="Tables of bench.study.radius.grid.", exists=True)],
) -> None:
    """Show the difference of macro F1 between multiples of the estimated radius and the best radius of each grid."""
    import pandas as pd
    from rich.table import Table

    summary = Table(box=None, pad_edge=False)
    for name in ("data set", "estimate", *(f"× {each:g}" for each in FACTORS)):
        summary.add_column(name, justify="left" if name == "data set" else "right", no_wrap=True)
    differences = []
    for path in tables:
        table = pd.read_csv(path)
        name = str(table["dataset"].iloc[0])
        if (radius := _estimate(name)) is None:
            note(f"There is no data set '{name}', so its grid is left out.")
            continue
        differences.append(f1_differences(GridCurve.of(table), radius, FACTORS))
        summary.add_row(name, f"{radius:.0f}", *(f"{value:+.3f}" for value in differences[-1]))
    if differences:
        summary.add_row("smallest", "", *(f"{value:+.3f}" for value in np.min(differences, axis=0)))
    console().print(summary)
    say("Radii in px of 256. A radius above the largest of the grid counts as the largest.")


def f1_differences(curve: GridCurve, radius: float, factors: Sequence[float]) -> np.ndarray:
    """Return the difference of mean macro F1 between multiples of a radius and the best radius of a grid.

    Args:
        curve: Curve of the grid.
        radius: Radius in px of a 256 px patch.
        factors: Multiples of the radius. A product above the largest radius of the grid counts as the largest.

    Returns:
        Differences, 0 or less, shape (factors,).
    """
    last = curve.radii[-1]
    return np.array([curve.at(min(factor * radius, last)) - curve.best for factor in factors])


def _estimate(dataset: str) -> float | None:
    """Return the estimated cell radius of a data set in px of 256, or None if the home does not have the data set."""
    from bench.study.datasets import open_studied_if_known
    from cellbench.radius import estimate_radius
    from cellbench.suppression import PAPER_SIZE

    if (patch_set := open_studied_if_known(dataset)) is None:
        return None
    return estimate_radius(patch_set).radius_px * PAPER_SIZE / patch_set.card.native_size


if __name__ == "__main__":
    app()
