"""Holds trained ways and PCA of the masked patch against the grid's best fixed mask, seed by seed.

    D=docs/radius; python -m bench.study.radius.comparison $D/grid-pbc.csv $D/methods-pbc.csv $D/linear-pbc.csv

The grid's best radius was chosen with labels among eight, by the seeds that it is compared on: a way that equals it
with one training, and no label, has done more.
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
class Worth:
    """A way beside the grid's best fixed mask.

    Attributes:
        name: The way.
        f1: Macro F1 of each of the grid's seeds, shape (seeds,).
        gained: Mean of F1 less that of the grid's best.
        low: Lower end of the mean's 95 % interval over paired seeds.
        high: Upper end.
        cost: Patches × pixels of one training as a share of the grid's for one seed; 0 where none is trained.
    """

    name: str
    f1: np.ndarray
    gained: float
    low: float
    high: float
    cost: float


def worth_of(trained: "pd.DataFrame", ways: "pd.DataFrame", linear: "pd.DataFrame | None") -> list[Worth]:
    """Return what the ways are worth that were trained from every seed of the grid.

    Args:
        trained: Table of `bench.study.radius.grid`.
        ways: Table of `bench.study.radius.methods`.
        linear: Table of `bench.study.radius.linear_curve`, whose best radius is taken; it has no seed.
    """
    seeds = sorted(trained["seed"].unique())
    best = GridCurve.of(trained).seeds_at_best
    one_seed = trained["cost/pixels"].sum() / len(seeds)
    found = []
    for name, own in ways.groupby("way", sort=False):
        by_seed = own.set_index("seed")
        if not set(seeds) <= set(by_seed.index):
            continue
        f1 = by_seed.loc[seeds, "probe/f1_macro"].to_numpy(float)
        found.append(Worth(str(name), f1, *paired_difference(f1, best), by_seed["cost/pixels"].mean() / one_seed))
    if linear is not None:
        row = linear.iloc[int(linear["score"].to_numpy().argmax())]
        f1 = np.full(len(seeds), row["score"])
        found.append(Worth(f"pca_masked, {row['r_256']:g} px", f1, *paired_difference(f1, best), 0.0))
    return found


@app.command()
@user_errors
def worth(
    grid: Annotated[Path, typer.Argument(help="Table of bench.study.radius.grid.", exists=True)],
    ways: Annotated[Path, typer.Argument(help="Table of bench.study.radius.methods.", exists=True)],
    linear: Annotated[
        Path | None, typer.Argument(help="Table of bench.study.radius.linear_curve.", exists=True)
    ] = None,
) -> None:
    """Show by how much each way's macro F1 differs from that of the grid's best radius, seed by seed."""
    import pandas as pd
    from rich.table import Table

    trained = pd.read_csv(grid)
    shown = Table(box=None, pad_edge=False)
    for name in ("way", "macro F1", "±", "less the best", "95 % interval", "cost"):
        shown.add_column(name, justify="left" if name == "way" else "right", no_wrap=True)
    for each in worth_of(trained, pd.read_csv(ways), None if linear is None else pd.read_csv(linear)):
        interval = "–, one seed" if np.isnan(each.low) else f"{each.low:+.3f} to {each.high:+.3f}"
        spread = f"{each.f1.std(ddof=1):.3f}" if each.cost and len(each.f1) > 1 else "–"
        shown.add_row(each.name, f"{each.f1.mean():.3f}", spread, f"{each.gained:+.3f}", interval, f"{each.cost:.0%}")
    console().print(shown)
    response = GridCurve.of(trained)
    say(
        f"{grid.stem}: the grid's best is {response.radii[response.mean.argmax()]:g} px of 256, macro F1 "
        f"{response.best:.3f}; cost is patches × pixels of one training, as a share of a grid of one seed."
    )


if __name__ == "__main__":
    app()
