"""Holds what routes say of the radii against the trained grid: rank correlation, the radius picked, what that costs.

    python -m bench.study.radius.ranking docs/radius/grid-pbc.csv docs/radius/linear-pbc.csv docs/radius/told-pbc.csv

Beside the routes in the files stand the estimate without labels, and the choice among the grid's own encoders by
`latent/cell_content`, which looks at no label either.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bench.study.radius.grid_curve import GridCurve
from bench.terminal.console import console, say, user_errors

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
LABEL_FREE = "latent/cell_content"


@dataclass(frozen=True)
class Route:
    """What a route says.

    Attributes:
        name: Its name.
        picked: Radius that it picks, px of a 256 px patch.
        correlation: Spearman's with the grid's mean F1; NaN where it only picks.
        cost: Patches × pixels that it pushed through a network in training, as a share of the grid's.
    """

    name: str
    picked: float
    correlation: float
    cost: float


def rank_correlation(response: GridCurve, radii: np.ndarray, scores: np.ndarray) -> float:
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


def routes_of(response: GridCurve, curves: "pd.DataFrame", pixels: float) -> list[Route]:
    """Return what the routes of a table of curves say.

    Args:
        response: The grid.
        curves: Columns route, r_256, score and, where anything was trained, seed and cost/pixels.
        pixels: Patches × pixels of the whole grid.
    """
    found = []
    for name, own in curves.groupby("route", sort=False):
        curve = own.groupby("r_256")["score"].mean()
        radii, scores = curve.index.to_numpy(float), curve.to_numpy(float)
        trained = own.groupby("seed")["cost/pixels"].max().sum() if "cost/pixels" in own else 0.0
        correlation = rank_correlation(response, radii, scores) if len(radii) > 2 else float("nan")
        found.append(Route(str(name), float(radii[scores.argmax()]), correlation, trained / pixels))
    return found


def estimated_route(dataset: str) -> Route | None:
    """Return what the estimate picks for `sqrt`; None where the data set is not at hand."""
    from bench.study.datasets import studied_if_at_hand
    from bench.study.radius.methods import way
    from cellbench.suppression import PAPER_SIZE

    if (patch_set := studied_if_at_hand(dataset)) is None:
        return None
    _, params = way("mask_auto", patch_set)
    picked = float(params["r_max"]) * PAPER_SIZE / patch_set.card.native_size
    return Route("estimate, no labels", picked, float("nan"), 0.0)


@app.command()
@user_errors
def ranking(
    grid: Annotated[Path, typer.Argument(help="Table of bench.study.radius.grid.", exists=True)],
    curves: Annotated[list[Path] | None, typer.Argument(help="Curves of routes: route, r_256, score.")] = None,
) -> None:
    """Show how well routes rank radii, and how far below the grid's best the radius lies that each picks."""
    import pandas as pd
    from rich.table import Table

    trained = pd.read_csv(grid)
    response, pixels = GridCurve.of(trained), float(trained["cost/pixels"].sum())
    routes = [each for path in curves or [] for each in routes_of(response, pd.read_csv(path), pixels)]
    if (estimate := estimated_route(str(trained["dataset"].iloc[0]))) is not None:
        routes.insert(0, estimate)
    if LABEL_FREE in trained:
        selected = trained.assign(route="best cell_content, no labels", score=trained[LABEL_FREE])
        selected["cost/pixels"] = pixels / trained["seed"].nunique()
        routes += routes_of(response, selected, pixels)
    shown = Table(box=None, pad_edge=False)
    for name in ("route", "rank correlation", "picks (of 256)", "below the best", "95 % interval", "cost"):
        shown.add_column(name, justify="left" if name == "route" else "right", no_wrap=True)
    for route in routes:
        lost, low, high = response.shortfall(route.picked)
        rho = "–" if np.isnan(route.correlation) else f"{route.correlation:.2f}"
        interval = "–, one seed" if np.isnan(low) else f"{low:+.3f} to {high:+.3f}"
        shown.add_row(route.name, rho, f"{route.picked:.0f}", f"{lost:+.3f}", interval, f"{route.cost:.0%}")
    console().print(shown)
    best, n_seeds = response.radii[response.mean.argmax()], len(response.f1)
    say(
        f"{grid.stem}: the grid's best is {best:g} px of 256, macro F1 {response.best:.3f}, {n_seeds} seeds; cost is "
        "patches × pixels trained on, as a share of the whole grid's."
    )


if __name__ == "__main__":
    app()
