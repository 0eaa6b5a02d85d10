"""The linear curve: probe the principal components of the masked patch at every radius.

    python -m bench.study.radius.linear_curve pbc --csv docs/radius/linear-pbc.csv

It takes seconds, where a grid of trainings takes hours. Masks and patches are those of `bench.study.radius.grid`. Only
pool and labelled patches are used, never the holdout.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from bench.home.paths import cache_dir
from bench.study.radius.grid import RADII
from bench.study.trainings import PROBE, network_size
from bench.terminal.console import console, say, user_errors
from cellbench.floors.components import N_COMPONENTS
from cellbench.floors.linear_curve import linear_curve

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@user_errors
def show_linear_curve(
    dataset: Annotated[
        str, typer.Argument(help="Data set. marrow-r30, -r50, -r70, -r100 and -mixed are drawn on first use.")
    ],
    radii: Annotated[str, typer.Option(help="Radii in px of a 256 px patch, for example 40,70.")] = ",".join(
        map(str, RADII)
    ),
    shape: Annotated[str, typer.Option(help="Shape of the mask.")] = "sqrt",
    components: Annotated[int, typer.Option(min=1, help="Number of principal components.")] = N_COMPONENTS,
    size: Annotated[
        str, typer.Option(help="Network size in px. auto: a typical cell keeps a radius of 8 px.")
    ] = "auto",
    csv: Annotated[Path | None, typer.Option(help="CSV file to write the curve to.")] = None,
) -> None:
    """Show macro F1 of the principal components of the masked patch over the radius."""
    import pandas as pd
    from rich.table import Table

    from bench.study.datasets import open_studied
    from cellbench.output_files import check_output, write_output
    from cellbench.suppression import PAPER_SIZE

    check_output(csv, "--csv")
    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    requested = [float(text) for text in radii.split(",")]
    start = time.process_time()
    scale = patch_set.card.native_size / PAPER_SIZE
    f1 = list(
        linear_curve(patch_set, [radius * scale for radius in requested], shape, side, cache_dir(), PROBE, components)
    )
    seconds = time.process_time() - start
    summary = Table(box=None, pad_edge=False)
    for name in ("of 256", "macro F1"):
        summary.add_column(name, justify="right")
    for radius, value in zip(requested, f1, strict=True):
        summary.add_row(f"{radius:g}", f"{value:.3f}")
    console().print(summary)
    say(f"{dataset} at {side} px, {components} components, {shape}: {seconds:.0f} s of CPU.")
    if csv is not None:
        frame = pd.DataFrame(
            {"dataset": dataset, "route": "linear", "r_256": requested, "score": f1, "seconds": seconds}
        )
        write_output(csv, frame.to_csv(index=False))


if __name__ == "__main__":
    app()
