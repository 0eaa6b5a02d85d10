"""Trains a mask of every radius from several seeds: the reference that all routes to r_max are held against.

    python -m bench.study.grid marrow-r50
    python -m bench.study.grid pbc --passes 25000

What is done already is not done again, so it can be stopped and asked for again; rows come into the table as they are
measured. Only pool and labelled patches are used, never the holdout.
"""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.console import console, counted, note, say, user_errors

if TYPE_CHECKING:
    import pandas as pd

    from cellbench.patches import PatchSet
    from cellbench.trial_job import TrialJob

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
RADII = (20, 27, 37, 50, 68, 92, 124, 168)
"""px of a 256 px patch, evenly spaced on a log scale."""
FIXED = {"lr": 1e-3, "beta": 2e-3, "latent_dim": 256}
MIN_CELL_RADIUS = 8
"""Network px that the radius of a typical cell keeps."""


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
    from bench.domains import rounded
    from bench.home import cache_dir
    from bench.profiles import profile
    from cellbench.configuration import Configuration, TrainingSettings
    from cellbench.suppression import PAPER_SIZE
    from cellbench.trial_job import N_POOL_FOLDS, TrialJob

    n_training = len(patch_set.rows("pool")) * (N_POOL_FOLDS - 1) // N_POOL_FOLDS
    settings = TrainingSettings(
        epochs=max(1, passes // n_training),
        batch_size=profile("cpu", False).batch_size,
        network_size=size,
        threads=1,
    )
    jobs = []
    for seed in range(seeds):
        for radius in radii:
            r_max = rounded(radius * patch_set.card.native_size / PAPER_SIZE)
            params: dict[str, float | bool | str] = {"r_max": r_max, "shape": shape, "normalize": True}
            job = TrialJob(
                dataset=patch_set.path,
                fingerprint=patch_set.card.fingerprint,
                cache=cache_dir(),
                directory=Path("unnamed"),
                configuration=Configuration(method="mask_fixed", params=params, **FIXED),
                settings=settings,
                seed=seed,
            )
            directory = folder / f"{size}px-{settings.epochs}epochs" / job.key
            jobs.append(job.model_copy(update={"directory": directory}))
    return jobs


def train(job: "TrialJob") -> dict[str, float]:
    """Run one training from start to end, and return its final metrics."""
    import torch

    from cellbench.trials import TrialRun

    run, metrics = TrialRun(job, torch.device("cpu")), {}
    while not run.done:
        metrics = run.step()
    run.finish(metrics)
    return metrics


def grid_table(patch_set: "PatchSet", jobs: "Sequence[TrialJob]") -> "pd.DataFrame":
    """Return what is measured so far, one row a training.

    Columns: data set, seed, `r_max` in native px, `r_256` in px of a 256 px patch, settings, every final metric, and
    `cost/pixels`: patches × pixels that went through the network in training.
    """
    import pandas as pd

    from cellbench.suppression import PAPER_SIZE
    from cellbench.trials import TrialRun

    rows: list[dict[str, Any]] = []
    for job in jobs:
        metrics = TrialRun.finished(job)
        if metrics is None:
            continue
        r_max = float(job.configuration.params["r_max"])
        size = job.settings.network_size
        row = {
            "dataset": patch_set.card.name,
            "shape": job.configuration.params["shape"],
            "seed": job.seed,
            "r_max": r_max,
            "r_256": round(r_max * PAPER_SIZE / patch_set.card.native_size, 1),
            "network_size": size,
            "epochs": job.settings.epochs,
        }
        rows.append(row | metrics | {"cost/pixels": metrics["cost/patches"] * size**2})
    return pd.DataFrame(rows)


@app.command()
@user_errors
def grid(
    dataset: Annotated[str, typer.Argument(help="Data set; marrow-r30, -r50, -r70, -r100 and -mixed are drawn.")],
    radii: Annotated[str, typer.Option(help="Radii in px of a 256 px patch, separated by commas.")] = ",".join(
        map(str, RADII)
    ),
    shape: Annotated[str, typer.Option(help="Shape of the mask.")] = "sqrt",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each radius.")] = 3,
    passes: Annotated[int, typer.Option(min=1, help="Patches that one training sees, at most.")] = 10_000,
    size: Annotated[str, typer.Option(help="Network size in px, or auto: a cell's radius keeps 8 px.")] = "auto",
    processes: Annotated[int | None, typer.Option(min=1, help="Trainings at once. Default: one a core.")] = None,
    keep_encoders: Annotated[bool, typer.Option(help="Keep the weights, 45 MB a training.")] = False,
    table: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
) -> None:
    """Train a mask of every radius from several seeds, and show macro F1 over the radius."""
    from rich.table import Table

    from bench.home import home
    from bench.study.variants import open_studied
    from cellbench.disk import write_text
    from cellbench.trials import TrialRun

    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    folder = home() / "study" / "grid" / dataset
    jobs = grid_jobs(patch_set, [float(text) for text in radii.split(",")], shape, seeds, passes, side, folder)
    left = [j.model_copy(update={"keep_encoder": keep_encoders}) for j in jobs if TrialRun.finished(j) is None]
    say(f"{dataset}: {counted(len(jobs), 'training')} at {side} px, {len(left)} to do")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes or len(os.sched_getaffinity(0)), context) as pool:
        running = {pool.submit(train, job): job for job in left}
        for done in as_completed(running):
            job = running[done]
            r_max, f1 = job.configuration.params["r_max"], done.result()["probe/f1_macro"]
            note(f"r_max {r_max} px, seed {job.seed}: macro F1 {f1:.3f}")
            if table is not None:
                write_text(table, grid_table(patch_set, jobs).to_csv(index=False))
    found = grid_table(patch_set, jobs)
    if table is not None:
        write_text(table, found.to_csv(index=False))
    shown = Table(box=None, pad_edge=False)
    for name in ("r_max", "of 256", "macro F1", "±", "seeds"):
        shown.add_column(name, justify="right")
    for r_max in sorted(set(found.get("r_max", []))):
        own = found[found["r_max"] == r_max]
        f1 = own["probe/f1_macro"]
        spread = f"{f1.std():.3f}" if len(f1) > 1 else "–"
        shown.add_row(f"{r_max:g}", f"{own['r_256'].iloc[0]:g}", f"{f1.mean():.3f}", spread, str(len(f1)))
    console().print(shown)


def network_size(patch_set: "PatchSet") -> int:
    """Return the smallest multiple of 8 px, 32 or more, at which a typical cell's radius keeps 8 px."""
    import math

    radius = patch_set.card.cell_radius_px
    wanted = 32 if radius is None else MIN_CELL_RADIUS * patch_set.card.native_size / radius
    return min(max(32, 8 * math.ceil(round(wanted, 6) / 8)), patch_set.card.native_size)


if __name__ == "__main__":
    app()
