"""Holds what routes say of the radii against the trained grid: rank correlation, the radius picked, what that costs.

python -m bench.study.ranking docs/radius/pbc.csv docs/radius/linear-pbc.csv docs/radius/told-pbc.csv
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.console import console, say, user_errors
from bench.study.response import Response

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def rank_correlation(response: Response, radii: np.ndarray, scores: np.ndarray) -> float:
    """Return Spearman's correlation of a route's scores with the grid's mean F1, over the radii that both have.

    Args:
        response: The grid.
        radii: px of a 256 px patch, shape (N,).
        scores: What the route says of each, more is better, shape (N,).
    """
    from scipy.stats import spearmanr

    known = {round(float(radius)): score for radius, score in zip(radii, scores, strict=True)}
    both = [
        (known[round(float(r))], f1) for r, f1 in zip(response.radii, response.mean, strict=True) if round(r) in known
    ]
    return float(spearmanr(*zip(*both, strict=True)).statistic)


@app.command()
@user_errors
def ranking(
    grid: Annotated[Path, typer.Argument(help="Table of bench.study.grid.", exists=True)],
    curves: Annotated[list[Path], typer.Argument(help="Curves of routes: route, r_256, score.", exists=True)],
) -> None:
    """Show how well routes rank radii, and how far below the grid's best the radius lies that each picks."""
    import pandas as pd
    from rich.table import Table

    response = Response.of(pd.read_csv(grid))
    best = response.radii[response.mean.argmax()]
    shown = Table(box=None, pad_edge=False)
    for name in ("route", "rank correlation", "picks (of 256)", "below the best", "95 % interval"):
        shown.add_column(name, justify="left" if name == "route" else "right")
    for path in curves:
        frame = pd.read_csv(path)
        for route, own in frame.groupby("route"):
            curve = own.groupby("r_256")["score"].mean()
            radii, scores = curve.index.to_numpy(float), curve.to_numpy(float)
            picked = float(radii[scores.argmax()])
            lost, low, high = response.shortfall(picked)
            rho = rank_correlation(response, radii, scores)
            shown.add_row(str(route), f"{rho:.2f}", f"{picked:g}", f"{lost:+.3f}", f"{low:+.3f} to {high:+.3f}")
    console().print(shown)
    say(f"{grid.stem}: the grid's best is {best:g} px of 256, macro F1 {response.best:.3f}, {len(response.f1)} seeds.")


if __name__ == "__main__":
    app()
