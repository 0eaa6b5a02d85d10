"""Compare trained variants and the principal components of the masked patch with the grid's best fixed mask.

    D=docs/radius; python -m bench.study.radius.comparison $D/grid-pbc.csv $D/methods-pbc.csv $D/linear-pbc.csv
    python -m bench.study.radius.comparison $D/methods-pbc.csv $D/methods-pbc.csv --reference mask_auto

The difference of two means has an interval by Welch's t, because seeds are not paired. The best radius of the grid was
chosen with labels among eight radii. With `--fresh`, it is judged on seeds that did not choose it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bench.statistics.difference import difference
from bench.study.radius.grid_curve import GridCurve, fresh_scores
from bench.terminal.console import console, say, user_errors
from bench.terminal.formatting import counted

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Comparison:
    """A variant compared with a reference.

    Attributes:
        name: Name of the variant.
        f1: Macro F1 of the variant for each of its seeds, 0–1, shape (seeds,).
        difference: Mean of the variant's F1 minus that of the reference.
        low: Lower end of the 95 % interval of the difference (Welch). NaN for a single seed.
        high: Upper end of that interval.
        cost: Patches × pixels of one training as a share of the reference's for one seed. 0 if nothing is trained.
    """

    name: str
    f1: np.ndarray
    difference: float
    low: float
    high: float
    cost: float


def compare(
    best: np.ndarray, one_seed: float, variants: "pd.DataFrame", linear: "pd.DataFrame | None"
) -> list[Comparison]:
    """Return the comparison of each variant with a reference.

    Args:
        best: Macro F1 of the reference for each of its seeds, shape (N,).
        one_seed: Patches × pixels of the reference for one seed.
        variants: Table of `bench.study.radius.methods`. Its column `way` has the name of the variant.
        linear: Table of `bench.study.radius.linear_curve`, whose best radius is compared. It has no seeds.
    """
    comparisons = []
    for name, own in variants.groupby("way", sort=False):
        f1 = own.sort_values("seed")["probe/f1_macro"].to_numpy(float)
        cost = float(own["cost/pixels"].mean() / one_seed)
        comparisons.append(Comparison(str(name), f1, *difference(f1, best), cost))
    if linear is not None:
        row = linear.iloc[int(linear["score"].to_numpy().argmax())]
        f1 = np.full(2, row["score"])  # one score without seeds: it adds no variance
        comparisons.append(Comparison(f"pca_masked, {row['r_256']:g} px", f1, *difference(f1, best), 0.0))
    return comparisons


@app.command()
@user_errors
def comparison(
    grid: Annotated[
        Path, typer.Argument(help="Table of bench.study.radius.grid; with --reference of methods.", exists=True)
    ],
    variants: Annotated[Path, typer.Argument(help="Table of bench.study.radius.methods.", exists=True)],
    linear: Annotated[
        Path | None, typer.Argument(help="Table of bench.study.radius.linear_curve.", exists=True)
    ] = None,
    fresh: Annotated[
        Path | None,
        typer.Option(help="Table of the grid with more seeds at its best radius; only those judge it.", exists=True),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Variant of the first table to compare with, in place of the grid's best.")
    ] = None,
) -> None:
    """Show the difference of macro F1 between each variant and the grid's best radius, by Welch's t."""
    import pandas as pd
    from rich.table import Table

    from cellbench.errors import NotFoundError, SettingError
    from cellbench.registry import nearest

    first = pd.read_csv(grid)
    if reference is None:
        if (judged := fresh_scores(first, None if fresh is None else pd.read_csv(fresh))) is None:
            best, chosen_on = GridCurve.of(first).seeds_at_best, "the seeds that it was chosen on"
        else:
            best, chosen_on = judged, "fresh seeds"
        one_seed = float(first["cost/pixels"].sum() / first["seed"].nunique())
        what = f"the grid's best radius is {GridCurve.of(first).best_radius:g} px of 256, judged on {chosen_on}"
    else:
        if fresh is not None:
            raise SettingError("--fresh is for the grid's best radius; leave it out with --reference.")
        known = sorted(first["way"].unique()) if "way" in first else []
        if reference not in known:
            raise NotFoundError(f"{grid} has no variant '{reference}'; {nearest(reference, known)}")
        own = first[first["way"] == reference]
        best, one_seed = own["probe/f1_macro"].to_numpy(float), float(own["cost/pixels"].mean())
        what = f"the reference is {reference}"
    summary = Table(box=None, pad_edge=False)
    for name in ("variant", "seeds", "macro F1", "±", "difference", "95 % interval", "cost"):
        summary.add_column(name, justify="left" if name == "variant" else "right", no_wrap=True)
    for each in compare(best, one_seed, pd.read_csv(variants), None if linear is None else pd.read_csv(linear)):
        interval = "–" if np.isnan(each.low) else f"{each.low:+.3f} to {each.high:+.3f}"
        spread = f"{each.f1.std(ddof=1):.3f}" if each.cost and len(each.f1) > 1 else "–"
        f1, less = f"{each.f1.mean():.3f}", f"{each.difference:+.3f}"
        n_seeds = str(len(each.f1)) if each.cost else "–"
        summary.add_row(each.name, n_seeds, f1, spread, less, interval, f"{each.cost:.0%}")
    console().print(summary)
    spread = f" ± {best.std(ddof=1):.3f}" if len(best) > 1 else ""
    say(
        f"{grid.stem}: {what}: macro F1 {best.mean():.3f}{spread}, {counted(len(best), 'seed')}. Cost is patches × "
        "pixels of one training as a share of the reference's for one seed."
    )


if __name__ == "__main__":
    app()
