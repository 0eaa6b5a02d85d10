"""Trains a mask of every radius from several seeds: the reference that all routes to r_max are held against.

    python -m bench.study.radius.grid marrow-r50
    python -m bench.study.radius.grid pbc --passes 25000

Rows come into the table as they are measured, and what stands in it is not trained again: stop it, copy the table to
another machine, and ask again. Only pool and labelled patches are used, never the holdout.
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
"""px of a 256 px patch, evenly spaced on a log scale."""


def grid_jobs(
    patch_set: "PatchSet", radii: Sequence[float], shape: str, seeds: int, passes: int, size: int, folder: Path
) -> "list[TrialJob]":
    """Return the trainings of the grid: all radii of the first seed, then of the next.

    Args:
        patch_set: The data set.
        radii: px of a 256 px patch.
        shape: Shape of the mask; its weights are divided by their mean.
        seeds: Seeds of the training, from 0.
        passes: Patches that one training sees, at most.
        size: Network size in px.
        folder: Where the trainings' files go.
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
    dataset: Annotated[str, typer.Argument(help="Data set; marrow-r30, -r50, -r70, -r100 and -mixed are drawn.")],
    radii: Annotated[str, typer.Option(help="Radii in px of a 256 px patch, separated by commas.")] = ",".join(
        map(str, RADII)
    ),
    shape: Annotated[str, typer.Option(help="Shape of the mask.")] = "sqrt",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each radius.")] = 3,
    passes: Annotated[int, typer.Option(min=1, help="Patches that one training sees, at most.")] = PASSES,
    size: Annotated[str, typer.Option(help="Network size in px, or auto: a cell's radius keeps 8 px.")] = "auto",
    processes: Annotated[int | None, typer.Option(min=1, help="Trainings at once. Default: one a core.")] = None,
    keep_encoders: Annotated[bool, typer.Option(help="Keep the weights, 45 MB a training.")] = False,
    table: Annotated[Path | None, typer.Option(help="CSV file of the table, gone on with where it exists.")] = None,
) -> None:
    """Train a mask of every radius from several seeds, and show macro F1 over the radius."""
    from rich.table import Table

    from bench.home.paths import home
    from bench.study.datasets import open_studied
    from cellbench.suppression import PAPER_SIZE

    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    folder = home() / "study" / "grid" / dataset
    jobs = grid_jobs(patch_set, [float(text) for text in radii.split(",")], shape, seeds, passes, side, folder)
    measured = Measured(table)
    left = [job.model_copy(update={"keep_encoder": keep_encoders}) for job in jobs if measured.lacks(job)]
    say(f"{dataset}: {counted(len(jobs), 'training')} at {side} px, {len(left)} to do")
    for job, metrics in run_all(left, processes, train):
        note(f"r_max {job.configuration.params['r_max']} px, seed {job.seed}: macro F1 {metrics['probe/f1_macro']:.3f}")
        r_256 = round(float(job.configuration.params["r_max"]) * PAPER_SIZE / patch_set.card.native_size, 1)
        measured.add(job, metrics, r_256=r_256)
    found = measured.frame[measured.frame["key"].isin({table_key(job) for job in jobs})]
    shown = Table(box=None, pad_edge=False)
    for name in ("r_max", "of 256", "macro F1", "±", "seeds"):
        shown.add_column(name, justify="right")
    for r_max in sorted(set(found["r_max"])):
        own = found[found["r_max"] == r_max]
        f1 = own["probe/f1_macro"]
        spread = f"{f1.std():.3f}" if len(f1) > 1 else "–"
        shown.add_row(f"{r_max:g}", f"{own['r_256'].iloc[0]:g}", f"{f1.mean():.3f}", spread, str(len(f1)))
    console().print(shown)


if __name__ == "__main__":
    app()
