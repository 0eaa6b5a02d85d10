"""Compare routes to r_max with the trained grid: rank correlation, chosen radius, loss of macro F1, and cost.

    D=docs/radius; python -m bench.study.radius.ranking $D/grid-pbc.csv $D/linear-pbc.csv $D/radius-conditioned-pbc.csv

Two routes without labels are added to those in the files: the estimated radius, and the grid's encoder with the best
`latent/cell_content`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bench.study.radius.grid_curve import GridCurve, fresh_scores
from bench.terminal.console import console, say, user_errors
from bench.terminal.formatting import counted

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
LABEL_FREE = "latent/cell_content"


@dataclass(frozen=True)
class Route:
    """The result of one route to r_max.

    Attributes:
        name: Name of the route.
        picked: Radius that the route chooses, px of a 256 px patch.
        correlation: Spearman's rank correlation with the grid's mean macro F1. NaN if the route only chooses a radius.
        cost: Patches × pixels of the route's trainings as a share of the grid's.
    """

    name: str
    picked: float
    correlation: float
    cost: float


def rank_correlation(grid: GridCurve, radii: np.ndarray, scores: np.ndarray) -> float:
    """Return Spearman's correlation of scores with the grid's mean macro F1, over the radii that both have.

    Args:
        grid: Curve of the grid.
        radii: Radii that the route scored, px of a 256 px patch, shape (N,).
        scores: Score of each radius, higher is better, shape (N,).
    """
    from scipy.stats import spearmanr

    known = {round(float(radius)): score for radius, score in zip(radii, scores, strict=True)}
    both = [(known[round(float(r))], f1) for r, f1 in zip(grid.radii, grid.mean, strict=True) if round(r) in known]
    return float(spearmanr(*zip(*both, strict=True)).statistic)


def routes_of(grid: GridCurve, curves: "pd.DataFrame", pixels: float) -> list[Route]:
    """Return the result of every route of a table of curves.

    Args:
        grid: Curve of the grid.
        curves: Table with the columns route, r_256 and score. Trained routes also have seed and cost/pixels.
        pixels: Patches × pixels of all trainings of the grid.
    """
    routes = []
    for name, own in curves.groupby("route", sort=False):
        curve = own.groupby("r_256")["score"].mean()
        radii, scores = curve.index.to_numpy(float), curve.to_numpy(float)
        trained = own.groupby("seed")["cost/pixels"].max().sum() if "cost/pixels" in own else 0.0
        correlation = rank_correlation(grid, radii, scores) if len(radii) > 2 else float("nan")
        routes.append(Route(str(name), float(radii[scores.argmax()]), correlation, trained / pixels))
    return routes


def estimated_route(dataset: str) -> Route | None:
    """Return the route of the estimated radius, or None if the home does not have the data set.

    The chosen radius is the recommended one for a mask of shape `sqrt`.
    """
    from bench.study.datasets import open_studied_if_known
    from bench.study.radius.methods import method_and_params
    from cellbench.suppression import PAPER_SIZE

    if (patch_set := open_studied_if_known(dataset)) is None:
        return None
    _, params = method_and_params("mask_auto", patch_set)
    picked = float(params["r_max"]) * PAPER_SIZE / patch_set.card.native_size
    return Route("estimate, no labels", picked, float("nan"), 0.0)


@app.command()
@user_errors
def ranking(
    grid: Annotated[Path, typer.Argument(help="Table of bench.study.radius.grid.", exists=True)],
    curves: Annotated[list[Path] | None, typer.Argument(help="Tables with the columns route, r_256 and score.")] = None,
    fresh: Annotated[
        Path | None,
        typer.Option(help="Table of the grid with more seeds at its best radius; only those judge it.", exists=True),
    ] = None,
) -> None:
    """Show how well each route ranks the radii, and how much macro F1 its chosen radius loses to the grid's best."""
    import pandas as pd
    from rich.table import Table

    trained = pd.read_csv(grid)
    curve, pixels = GridCurve.of(trained), float(trained["cost/pixels"].sum())
    routes = [each for path in curves or [] for each in routes_of(curve, pd.read_csv(path), pixels)]
    if (estimate := estimated_route(str(trained["dataset"].iloc[0]))) is not None:
        routes.insert(0, estimate)
    if LABEL_FREE in trained:
        selected = trained.assign(route="best cell_content, no labels", score=trained[LABEL_FREE])
        selected["cost/pixels"] = pixels / trained["seed"].nunique()
        routes += routes_of(curve, selected, pixels)
    judged = fresh_scores(trained, None if fresh is None else pd.read_csv(fresh))
    summary = Table(box=None, pad_edge=False)
    for name in ("route", "rank correlation", "radius (of 256)", "minus the best", "95 % interval", "cost"):
        summary.add_column(name, justify="left" if name == "route" else "right", no_wrap=True)
    for route in routes:
        lost, low, high = curve.shortfall(route.picked, judged)
        rho = "–" if np.isnan(route.correlation) else f"{route.correlation:.2f}"
        interval = "–" if np.isnan(low) or low == high else f"{low:+.3f} to {high:+.3f}"
        summary.add_row(route.name, rho, f"{route.picked:.0f}", f"{lost:+.3f}", interval, f"{route.cost:.0%}")
    console().print(summary)
    best = curve.seeds_at_best if judged is None else judged
    say(
        f"{grid.stem}: the grid's best radius is {curve.best_radius:g} px of 256, macro F1 {best.mean():.3f} over "
        f"{counted(len(best), 'seed')}{' that it was chosen on' if judged is None else ', fresh'}. "
        "Cost is patches × pixels of the trainings as a share of the whole grid's."
    )


if __name__ == "__main__":
    app()
