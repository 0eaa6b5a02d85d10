"""Compare trained variants and the principal components of the masked patch with the grid's best fixed mask.

    D=docs/radius; python -m bench.study.radius.comparison $D/grid-pbc.csv $D/methods-pbc.csv $D/linear-pbc.csv

Scores are paired by seed. The best radius of the grid was chosen with labels among eight radii, on the seeds of the
comparison. A variant that equals it with one training and without labels is therefore the better choice.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bench.study.radius.grid_curve import GridCurve, paired_difference
from bench.terminal.console import console, say, user_errors

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Comparison:
    """A variant compared with the grid's best fixed mask.

    Attributes:
        name: Name of the variant.
        f1: Macro F1 of the variant for each seed of the grid, 0–1, shape (seeds,).
        difference: Mean of the variant's F1 minus that of the grid's best radius.
        low: Lower end of the 95 % interval of the mean over paired seeds. NaN for a single seed.
        high: Upper end of that interval.
        cost: Patches × pixels of one training as a share of the grid's for one seed. 0 if nothing is trained.
    """

    name: str
    f1: np.ndarray
    difference: float
    low: float
    high: float
    cost: float


def compare_with_grid(
    grid: "pd.DataFrame", variants: "pd.DataFrame", linear: "pd.DataFrame | None"
) -> list[Comparison]:
    """Return the comparison of each variant that has a training for every seed of the grid.

    Args:
        grid: Table of `bench.study.radius.grid`.
        variants: Table of `bench.study.radius.methods`. Its column `way` has the name of the variant.
        linear: Table of `bench.study.radius.linear_curve`, whose best radius is compared. It has no seeds.
    """
    seeds = sorted(grid["seed"].unique())
    best = GridCurve.of(grid).seeds_at_best
    one_seed = grid["cost/pixels"].sum() / len(seeds)
    comparisons = []
    for name, own in variants.groupby("way", sort=False):
        by_seed = own.set_index("seed")
        if not set(seeds) <= set(by_seed.index):
            continue
        f1 = by_seed.loc[seeds, "probe/f1_macro"].to_numpy(float)
        cost = by_seed["cost/pixels"].mean() / one_seed
        comparisons.append(Comparison(str(name), f1, *paired_difference(f1, best), cost))
    if linear is not None:
        row = linear.iloc[int(linear["score"].to_numpy().argmax())]
        f1 = np.full(len(seeds), row["score"])
        comparisons.append(Comparison(f"pca_masked, {row['r_256']:g} px", f1, *paired_difference(f1, best), 0.0))
    return comparisons


@app.command()
@user_errors
def comparison(
    grid: Annotated[Path, typer.Argument(help="Table of bench.study.radius.grid.", exists=True)],
    variants: Annotated[Path, typer.Argument(help="Table of bench.study.radius.methods.", exists=True)],
    linear: Annotated[
        Path | None, typer.Argument(help="Table of bench.study.radius.linear_curve.", exists=True)
    ] = None,
) -> None:
    """Show the difference of macro F1 between each variant and the grid's best radius, paired by seed."""
    import pandas as pd
    from rich.table import Table

    trained = pd.read_csv(grid)
    summary = Table(box=None, pad_edge=False)
    for name in ("variant", "macro F1", "±", "minus the best", "95 % interval", "cost"):
        summary.add_column(name, justify="left" if name == "variant" else "right", no_wrap=True)
    for each in compare_with_grid(trained, pd.read_csv(variants), None if linear is None else pd.read_csv(linear)):
        interval = "–, one seed" if np.isnan(each.low) else f"{each.low:+.3f} to {each.high:+.3f}"
        spread = f"{each.f1.std(ddof=1):.3f}" if each.cost and len(each.f1) > 1 else "–"
        f1, difference = f"{each.f1.mean():.3f}", f"{each.difference:+.3f}"
        summary.add_row(each.name, f1, spread, difference, interval, f"{each.cost:.0%}")
    console().print(summary)
    curve = GridCurve.of(trained)
    say(
        f"{grid.stem}: the grid's best radius is {curve.radii[curve.mean.argmax()]:g} px of 256, macro F1 "
        f"{curve.best:.3f}. Cost is patches × pixels of one training as a share of a grid of one seed."
    )


if __name__ == "__main__":
    app()
