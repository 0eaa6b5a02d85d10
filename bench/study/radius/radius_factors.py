"""Macro F1 of masks as large as a multiple of the cells' estimated radius: what `cellbench.radius.factors` rests on.

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
MULTIPLES = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.75, 2.0)


@app.command()
@user_errors
def multiples(
    tables: Annotated[list[Path], typer.Argument(help="Tables of bench.study.radius.grid.", exists=True)],
) -> None:
    """Show by how much macro F1 at multiples of the estimated radius lies below each grid's best."""
    import pandas as pd
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for name in ("data set", "estimate", *(f"× {each:g}" for each in MULTIPLES)):
        shown.add_column(name, justify="left" if name == "data set" else "right", no_wrap=True)
    lost = []
    for path in tables:
        table = pd.read_csv(path)
        name = str(table["dataset"].iloc[0])
        if (radius := _estimate(name)) is None:
            note(f"{name} is not at hand; it is left out.")
            continue
        lost.append(losses(GridCurve.of(table), radius, MULTIPLES))
        shown.add_row(name, f"{radius:.0f}", *(f"{value:+.3f}" for value in lost[-1]))
    if lost:
        shown.add_row("the worst", "", *(f"{value:+.3f}" for value in np.min(lost, axis=0)))
    console().print(shown)
    say("Radii in px of 256; a radius beyond the grid's last counts as the last.")


def losses(response: GridCurve, radius: float, factors: Sequence[float]) -> np.ndarray:
    """Return mean F1 at multiples of a radius (px of 256) less the grid's best, shape (factors,)."""
    last = response.radii[-1]
    return np.array([response.at(min(factor * radius, last)) - response.best for factor in factors])


def _estimate(dataset: str) -> float | None:
    """Return the estimated radius of a data set's cells, px of 256; None where it is not at hand."""
    from bench.study.datasets import studied_if_at_hand
    from cellbench.radius import estimate_radius
    from cellbench.suppression import PAPER_SIZE

    if (patch_set := studied_if_at_hand(dataset)) is None:
        return None
    return estimate_radius(patch_set).radius_px * PAPER_SIZE / patch_set.card.native_size


if __name__ == "__main__":
    app()
