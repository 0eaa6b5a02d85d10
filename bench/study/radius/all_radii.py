"""Score one radius-conditioned training at every radius of the grid, from several seeds.

    python -m bench.study.radius.all_radii marrow-mini --csv docs/radius/radius-conditioned-marrow-mini.csv
    python -m bench.study.radius.all_radii pbc --passes 25000

`--fine-tune N` trains for N more epochs at the best radius of each seed and scores that radius again.
Only pool and labelled patches are used, never the holdout.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.study.radius.grid import RADII
from bench.study.trainings import FIXED, PASSES, PROBE, network_size, settings_for
from bench.terminal.console import console, note, say, user_errors
from bench.terminal.formatting import counted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FINE_TUNE_LR = 5e-4


def radius_conditioned_curve(
    dataset: str, passes: int, size: int, seen: str, fine_tune: int, seed: int
) -> list[dict[str, Any]]:
    """Train one network for all radii and return the score at each radius.

    Args:
        dataset: Name of a data set; see `bench.study.datasets.open_studied`.
        passes: Largest number of patches that the training sees.
        size: Network size in px.
        seen: What the encoder sees: `masked` or `whole` patches.
        fine_tune: Number of further epochs at the best radius. 0: none.
        seed: Seed of the training.

    Returns:
        A row for each radius of the grid, and one for the fine-tuned radius. The keys are the columns of the CSV file.
    """
    import torch

    from bench.home.paths import cache_dir
    from bench.study.datasets import open_studied
    from cellbench.radius_conditioned import RadiusConditionedTrainer, configuration_of, response_curve
    from cellbench.radius_conditioned import fine_tune as fine_tuned_trainer
    from cellbench.suppression import PAPER_SIZE
    from cellbench.trials.run import training_rows

    torch.set_num_threads(1)
    patch_set = open_studied(dataset)
    native, (rows, _) = patch_set.card.native_size, training_rows(patch_set, fold=0)
    settings = settings_for(patch_set, passes, size)
    configuration = configuration_of(native, seen, "sqrt", FIXED["lr"], FIXED["beta"], int(FIXED["latent_dim"]))
    patches, cpu = patch_set.resized(size, cache_dir()), torch.device("cpu")
    trainer = RadiusConditionedTrainer(configuration, settings, patches, rows, native, seed, cpu)
    _train(trainer)
    scale = native / PAPER_SIZE
    curve = list(response_curve(trainer, patch_set, [radius * scale for radius in RADII], PROBE))
    pixels = settings.epochs * len(rows) * size**2
    found = [
        (f"radius-conditioned, {seen}", radius, one.scores.f1_macro, pixels)
        for radius, one in zip(RADII, curve, strict=True)
    ]
    if fine_tune:
        best = max(found, key=lambda row: row[2])[1]
        tuned = fine_tuned_trainer(trainer, best * scale, fine_tune, FINE_TUNE_LR)
        _train(tuned)
        (one,) = response_curve(tuned, patch_set, [best * scale], PROBE)
        pixels += fine_tune * len(rows) * size**2
        found.append((f"radius-conditioned, {seen}, fine-tuned", best, one.scores.f1_macro, pixels))
    columns = ("route", "r_256", "score", "cost/pixels")
    return [{"dataset": dataset, "seed": seed, **dict(zip(columns, row, strict=True))} for row in found]


def _train(trainer: Any) -> None:
    while trainer.epoch < trainer.settings.epochs:
        trainer.run_epoch()


@app.command()
@user_errors
def all_radii(
    dataset: Annotated[
        str, typer.Argument(help="Data set. marrow-r30, -r50, -r70, -r100 and -mixed are drawn on first use.")
    ],
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, one training each.")] = 3,
    passes: Annotated[int, typer.Option(min=1, help="Largest number of patches that one training sees.")] = PASSES,
    size: Annotated[
        str, typer.Option(help="Network size in px. auto: a typical cell keeps a radius of 8 px.")
    ] = "auto",
    seen: Annotated[str, typer.Option(help="What the encoder sees: masked or whole.")] = "masked",
    fine_tune: Annotated[int, typer.Option(min=0, help="Epochs of further training at the best radius.")] = 0,
    csv: Annotated[Path | None, typer.Option(help="CSV file to write the curves to.")] = None,
) -> None:
    """Show macro F1 over the radius from one radius-conditioned training per seed."""
    import functools

    import pandas as pd
    from rich.table import Table

    from bench.study.datasets import open_studied
    from bench.study.trainings import run_all
    from cellbench.output_files import check_output, write_output

    check_output(csv, "--csv")
    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    work = functools.partial(radius_conditioned_curve, dataset, passes, side, seen, fine_tune)
    say(f"{dataset}: {counted(seeds, 'training')} at {side} px")
    rows: list[dict[str, Any]] = []
    for seed, curve in run_all(range(seeds), None, work):
        rows += curve
        best = max(curve, key=lambda row: row["score"])
        note(f"seed {seed}: best {best['score']:.3f} at {best['r_256']:g} px of 256")
        if csv is not None:
            write_output(csv, pd.DataFrame(rows).to_csv(index=False))
    summary = Table(box=None, pad_edge=False)
    for name in ("", "of 256", "macro F1", "±"):
        summary.add_column(name, justify="right" if name else "left")
    for (route, radius), own in pd.DataFrame(rows).groupby(["route", "r_256"])["score"]:
        summary.add_row(str(route), f"{radius:g}", f"{own.mean():.3f}", f"{own.std():.3f}")
    console().print(summary)


if __name__ == "__main__":
    app()
