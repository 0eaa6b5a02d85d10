"""Shapes of masks and crops: what principal components say of them beside what trained networks say.

    python -m bench.study.radius.methods pbc --passes 25000 --ways 'vae;mask_auto;mask_auto, hard' --table ways.csv
    python -m bench.study.radius.shapes pbc ways.csv

The surrogate ranks radii well; this asks whether it ranks anything else.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.study.radius.methods import CROPS, SHAPED, way
from bench.study.trainings import network_size
from bench.terminal.console import console, say, user_errors
from cellbench.scores.floors import N_COMPONENTS

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
COMPARED = ("vae", "mask_auto", *SHAPED, *CROPS)


def linear_score(patch_set: "PatchSet", name: str, size: int) -> float:
    """Return macro F1 of the principal components of what a way shows of each patch; no seed, no network.

    Args:
        patch_set: The data set.
        name: One of `COMPARED`.
        size: Network size in px.
    """
    import torch

    from bench.home.paths import cache_dir
    from cellbench.scores.floors import floor_rows, principal_components
    from cellbench.suppression import build_suppression
    from cellbench.training.configuration import TrainingSettings

    shown = build_suppression(*way(name, patch_set), patch_set.card.native_size, size, 1)
    patches = patch_set.resized(shown.source_size, cache_dir())
    weights = shown.weights(torch.zeros(1, 1), shown.view_size, None).map[0, 0].numpy()
    rows, views = floor_rows(patch_set), TrainingSettings().views
    return principal_components(name, patches, rows, shown, views, weights, N_COMPONENTS).f1_macro


@app.command()
@user_errors
def shapes(
    dataset: Annotated[str, typer.Argument(help="Data set.")],
    ways: Annotated[Path, typer.Argument(help="Table of bench.study.radius.methods.", exists=True)],
    size: Annotated[str, typer.Option(help="Network size in px, or auto: a cell's radius keeps 8 px.")] = "auto",
) -> None:
    """Show macro F1 of trained ways beside that of principal components, and how alike the orders are."""
    import pandas as pd
    from rich.table import Table
    from scipy.stats import spearmanr

    from bench.study.datasets import open_studied

    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    trained = pd.read_csv(ways).groupby("way")["probe/f1_macro"].agg(["mean", "std", "count"])
    shown = Table(box=None, pad_edge=False)
    for name in ("way", "trained", "±", "seeds", "components"):
        shown.add_column(name, justify="left" if name == "way" else "right")
    both = []
    for name in (each for each in COMPARED if each in trained.index):
        mean, spread, count = trained.loc[name]
        both.append((mean, linear_score(patch_set, name, side)))
        shown.add_row(name, f"{mean:.3f}", f"{spread:.3f}", f"{count:.0f}", f"{both[-1][1]:.3f}")
    console().print(shown)
    if len(both) > 2:
        alike = spearmanr(*zip(*both, strict=True)).statistic
        say(f"Spearman's correlation of the two over {len(both)} ways: {alike:.2f}")


if __name__ == "__main__":
    app()
