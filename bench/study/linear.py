"""The linear curve: PCA of the masked patch at every radius, probed. Seconds, where a grid of trainings takes hours.

    python -m bench.study.linear pbc --csv docs/radius/linear-pbc.csv

The masks and patches are those of `bench.study.grid`; only pool and labelled patches are used.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.console import console, say, user_errors
from bench.study.grid import RADII
from bench.study.trainings import network_size

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def linear_curve(
    patch_set: "PatchSet", radii: Sequence[float], shape: str, size: int, n_components: int
) -> Iterator[float]:
    """Yield macro F1 of the masked patch's principal components, a radius after the other.

    Args:
        patch_set: The data set.
        radii: px of a 256 px patch.
        shape: Shape of the mask.
        size: Network size in px.
        n_components: Number of components.
    """
    import torch

    from bench.home import cache_dir
    from cellbench.configuration import TrainingSettings
    from cellbench.scores.floors import floor_rows, principal_components
    from cellbench.suppression import PAPER_SIZE, build_suppression

    native = patch_set.card.native_size
    patches, rows = patch_set.resized(size, cache_dir()), floor_rows(patch_set)
    views = TrainingSettings().views
    for radius in radii:
        params = {"r_max": radius * native / PAPER_SIZE, "shape": shape, "normalize": True}
        mask = build_suppression("mask_fixed", params, native, size, 1)
        weights = mask.weights(torch.zeros(1, 1), size, None).map[0, 0].numpy()
        yield principal_components("pca_masked", patches, rows, mask, views, weights, n_components).f1_macro


@app.command()
@user_errors
def linear(
    dataset: Annotated[str, typer.Argument(help="Data set; marrow-r30, -r50, -r70, -r100 and -mixed are drawn.")],
    radii: Annotated[str, typer.Option(help="Radii in px of a 256 px patch, separated by commas.")] = ",".join(
        map(str, RADII)
    ),
    shape: Annotated[str, typer.Option(help="Shape of the mask.")] = "sqrt",
    components: Annotated[int, typer.Option(min=1, help="Number of components.")] = 64,
    size: Annotated[str, typer.Option(help="Network size in px, or auto: a cell's radius keeps 8 px.")] = "auto",
    csv: Annotated[Path | None, typer.Option(help="Write the curve to this CSV file.")] = None,
) -> None:
    """Show macro F1 of the masked patch's principal components over the radius."""
    import pandas as pd
    from rich.table import Table

    from bench.study.variants import open_studied
    from cellbench.disk import write_text

    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    asked = [float(text) for text in radii.split(",")]
    start = time.process_time()
    f1 = list(linear_curve(patch_set, asked, shape, side, components))
    seconds = time.process_time() - start
    shown = Table(box=None, pad_edge=False)
    for name in ("of 256", "macro F1"):
        shown.add_column(name, justify="right")
    for radius, value in zip(asked, f1, strict=True):
        shown.add_row(f"{radius:g}", f"{value:.3f}")
    console().print(shown)
    say(f"{dataset} at {side} px, {components} components, {shape}: {seconds:.0f} s of CPU.")
    if csv is not None:
        frame = pd.DataFrame({"dataset": dataset, "route": "linear", "r_256": asked, "score": f1, "seconds": seconds})
        write_text(csv, frame.to_csv(index=False))


if __name__ == "__main__":
    app()
