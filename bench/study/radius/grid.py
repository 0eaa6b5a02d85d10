"""Train a fixed mask of every radius from several seeds: the reference that all routes to r_max are compared with.

    python -m bench.study.radius.grid marrow-r50
    python -m bench.study.radius.grid pbc --passes 25000

`--table` gets a row after every training, and its trainings are not run again. You can therefore stop the program, copy
the table to another machine, and continue there. Only pool and labelled patches are used, never the holdout.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.study.trainings import PASSES, Measured, make_job, network_size, run_all, settings_for, table_key, train
from bench.terminal.console import console, note, say, user_errors
from bench.terminal.formatting import counted

if TYPE_CHECKING:
    from cellbench.patches import PatchSet
    from cellbench.trials.job import TrialJob

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
RADII = (20, 27, 37, 50, 68, 92, 124, 168)
"""Radii of the grid, px of a 256 px patch, evenly spaced on a log scale."""


def grid_jobs(
    patch_set: "PatchSet", radii: Sequence[float], shape: str, seeds: int, passes: int, size: int, folder: Path
) -> "list[TrialJob]":
    """Return the jobs of the grid: all radii of the first seed, then all radii of the next.

    Args:
        patch_set: The data set.
        radii: Radii of the masks, px of a 256 px patch.
        shape: Shape of the mask; its weights are divided by their mean.
        seeds: Number of seeds; they count from 0.
        passes: Largest number of patches that one training sees.
        size: Network size in px.
        folder: Folder of the trainings' files.
    """
    from bench.terminal.formatting import rounded
    from cellbench.suppression import PAPER_SIZE

    settings, native = settings_for(patch_set, passes, size), patch_set.card.native_size
    lengths = [rounded(radius * native / PAPER_SIZE) for radius in radii]
    return [
        make_job(patch_set, "mask_fixed", {"r_max": r_max, "shape": shape, "normalize": True}, settings, seed, folder)
        for seed in range(seeds)
        for r_max in lengths
    ]


@app.command()
@user_errors
def grid(
    dataset: Annotated[
        str, typer.Argument(help="Data set. marrow-r30, -r50, -r70, -r100 and -mixed are drawn on first use.")
    ],
    radii: Annotated[str, typer.Option(help="Radii in px of a 256 px patch, for example 40,70.")] = ",".join(
        map(str, RADII)
    ),
    shape: Annotated[str, typer.Option(help="Shape of the mask.")] = "sqrt",
    seeds: Annotated[int, typer.Option(min=1, help="Number of trainings of each radius.")] = 3,
    passes: Annotated[int, typer.Option(min=1, help="Largest number of patches that one training sees.")] = PASSES,
    size: Annotated[
        str, typer.Option(help="Network size in px. auto: a typical cell keeps a radius of 8 px.")
    ] = "auto",
    processes: Annotated[
        int | None, typer.Option(min=1, help="Number of trainings at once. Default: one for each core.")
    ] = None,
    keep_encoders: Annotated[bool, typer.Option(help="Keep the encoder of every training, 45 MB each.")] = False,
    table: Annotated[
        Path | None, typer.Option(help="CSV file of the results. Trainings that it already has are not run again.")
    ] = None,
) -> None:
    """Train a mask of every radius from several seeds and show macro F1 over the radius."""
    from rich.table import Table

    from bench.home.paths import home
    from bench.study.datasets import open_studied
    from cellbench.suppression import PAPER_SIZE

    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    folder = home() / "study" / "grid" / dataset
    jobs = grid_jobs(patch_set, [float(text) for text in radii.split(",")], shape, seeds, passes, side, folder)
    measured = Measured(table)
    missing = [job.model_copy(update={"keep_encoder": keep_encoders}) for job in jobs if measured.lacks(job)]
    say(f"{dataset}: {counted(len(jobs), 'training')} at {side} px, {len(missing)} to run")
    for job, metrics in run_all(missing, processes, train):
        note(f"r_max {job.configuration.params['r_max']} px, seed {job.seed}: macro F1 {metrics['probe/f1_macro']:.3f}")
        r_256 = round(float(job.configuration.params["r_max"]) * PAPER_SIZE / patch_set.card.native_size, 1)
        measured.add(job, metrics, r_256=r_256)
    found = measured.frame[measured.frame["key"].isin({table_key(job) for job in jobs})]
    summary = Table(box=None, pad_edge=False)
    for name in ("r_max", "of 256", "macro F1", "±", "seeds"):
        summary.add_column(name, justify="right")
    for r_max in sorted(set(found["r_max"])):
        own = found[found["r_max"] == r_max]
        f1 = own["probe/f1_macro"]
        spread = f"{f1.std():.3f}" if len(f1) > 1 else "–"
        summary.add_row(f"{r_max:g}", f"{own['r_256'].iloc[0]:g}", f"{f1.mean():.3f}", spread, str(len(f1)))
    console().print(summary)


if __name__ == "__main__":
    app()
