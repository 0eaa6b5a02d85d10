"""Compare shapes of masks, and crops, by principal components and by trained networks.

    python -m bench.study.radius.methods pbc --variants 'vae;mask_auto;mask_auto, hard' --table shapes.csv
    python -m bench.study.radius.shapes pbc shapes.csv

Principal components rank radii well. This program shows whether they rank shapes and crops as well.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.study.radius.methods import CROPS, SHAPED, method_and_params
from bench.study.trainings import PROBE, network_size
from bench.terminal.console import console, say, user_errors

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
COMPARED = ("vae", "mask_auto", *SHAPED, *CROPS)
"""Variants that are compared, in the order of the table."""


def components_score(patch_set: "PatchSet", variant: str, size: int) -> float:
    """Return macro F1 of the principal components of the patches as a variant shows them. Nothing is trained.

    Args:
        patch_set: The data set.
        variant: One of `COMPARED`.
        size: Network size in px.
    """
    from bench.home.paths import cache_dir
    from cellbench.floors.linear_curve import linear_score
    from cellbench.training.configuration import Configuration

    method, params = method_and_params(variant, patch_set)
    return linear_score(patch_set, Configuration(method=method, params=params), size, cache_dir(), PROBE)


@app.command()
@user_errors
def shapes(
    dataset: Annotated[str, typer.Argument(help="Name of the data set.")],
    variants: Annotated[Path, typer.Argument(help="Table of bench.study.radius.methods.", exists=True)],
    size: Annotated[
        str, typer.Option(help="Network size in px. auto: a typical cell keeps a radius of 8 px.")
    ] = "auto",
) -> None:
    """Show macro F1 of trained variants and of principal components, and their rank correlation."""
    import pandas as pd
    from rich.table import Table
    from scipy.stats import spearmanr

    from bench.study.datasets import open_studied

    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    trained = pd.read_csv(variants).groupby("way")["probe/f1_macro"].agg(["mean", "std", "count"])
    summary = Table(box=None, pad_edge=False)
    for name in ("variant", "trained", "±", "seeds", "components"):
        summary.add_column(name, justify="left" if name == "variant" else "right")
    pairs = []
    for name in (each for each in COMPARED if each in trained.index):
        mean, spread, count = trained.loc[name]
        pairs.append((mean, components_score(patch_set, name, side)))
        summary.add_row(name, f"{mean:.3f}", f"{spread:.3f}", f"{count:.0f}", f"{pairs[-1][1]:.3f}")
    console().print(summary)
    if len(pairs) > 2:
        correlation = spearmanr(*zip(*pairs, strict=True)).statistic
        say(f"Spearman's correlation between the two over {len(pairs)} variants: {correlation:.2f}.")


if __name__ == "__main__":
    app()
