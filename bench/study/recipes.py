"""Train recipes on a data set from several seeds, into a table with a row for each training.

    python -m bench.study.recipes pbc --table pbc.csv
    python -m bench.study.recipes pbc --table pbc.csv --only hide,vae --seeds 5 --dry-run
    python -m bench.study.recipes mine --table mine.csv --recipes FOLDER

A recipe is a file `NAME.yaml` with a method, its hyperparameters and the settings of the training; examples are in
`bench/study/recipes/`. The table gets a row as each training ends. A program that was killed continues with the same
command; trainings that the table has are not run again. The folder of a training keeps its embeddings. If the table is
removed, its rows are made from these folders. Only pool and labelled patches are used, never the holdout.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bench.study.trainings import Measured, n_training, run_all, table_key, train
from bench.terminal.console import console, note, print_error, say, user_errors
from bench.terminal.formatting import counted, duration
from cellbench.errors import TrainingError

if TYPE_CHECKING:
    import pandas as pd

    from cellbench.patches import PatchSet
    from cellbench.trials.job import TrialJob

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
N_BATCHES = 8
"""Batches of an epoch from which the speed of a training is measured, for `--dry-run`."""
LABELS = {
    "probe/f1_macro_5": "F1, 5 labels",
    "probe/f1_macro_20": "20 labels",
    "probe/f1_macro": "all labels",
}
"""Metrics of macro F1 at a number of labels a class, and their titles."""
SUMMARY = {"latent/leakage": "leakage", "latent/active_units": "active", "cost/seconds": "s", "cost/patches": "patches"}
"""Further columns of the summary, and their titles."""


def label_scores(job: "TrialJob") -> dict[str, float]:
    """Return macro F1 of a finished training by the metrics of `LABELS`, computed from the embeddings that it kept.

    So the rows of a table have the scores of one version of the probe, also where trainings ended before.
    """
    from cellbench.patches import PatchSet
    from cellbench.scores.classification import cross_validate
    from cellbench.scores.few_labels import few_label_scores
    from cellbench.trials.names import EMBEDDINGS

    patch_set = PatchSet.open(job.dataset)
    rows, n_classes = patch_set.rows("labelled"), len(patch_set.card.classes)
    labels, groups, probe = patch_set.labels(rows), patch_set.groups(rows), job.settings.probe
    embeddings = np.load(job.directory / EMBEDDINGS, allow_pickle=False)["labelled"]
    few = few_label_scores(embeddings, labels, groups, n_classes, probe)
    whole = cross_validate(embeddings, labels, groups, n_classes, probe, peers=False)
    return {f"probe/f1_macro_{n}": each.f1_macro for n, each in few.items()} | {"probe/f1_macro": whole.f1_macro}


def run(job: "TrialJob") -> dict[str, float] | str:
    """Run one training and return its final metrics, or the reason why it failed."""
    try:
        return train(job) | label_scores(job)
    except TrainingError as error:
        return str(error)


def known_seconds(name: str, job: "TrialJob", frame: "pd.DataFrame", n_patches: int) -> float | None:
    """Return the time of a training as the rows of a table predict it, in s; None if they do not.

    It is the mean time of the same recipe. Without a row of it, it is the mean time per patch of the others that have
    this network size, times the patches that the training sees.

    Args:
        name: Name of its recipe.
        job: The training.
        frame: The table.
        n_patches: Patches of an epoch.
    """
    settings = job.settings
    if not {"recipe", "cost/seconds"} <= set(frame.columns):
        return None
    alike = frame[(frame["dataset"] == job.dataset.name) & (frame["network_size"] == settings.network_size)]
    own = alike[(alike["recipe"] == name) & (alike["epochs"] == settings.epochs)]
    if len(own):
        return float(own["cost/seconds"].mean())
    rates = alike["cost/seconds"] / alike["cost/patches"]
    return float(rates.mean()) * settings.epochs * n_patches if len(rates) else None


def measured_seconds(job: "TrialJob", patch_set: "PatchSet") -> float:
    """Return the time of a training without its scores in s, from its speed over a few batches.

    Args:
        job: The training.
        patch_set: The data set.
    """
    import torch

    from cellbench.threads import use_threads
    from cellbench.training.trainer import Trainer, build

    use_threads(job.settings.threads)
    native = patch_set.card.native_size
    source_size = build(job.configuration, job.settings, native, job.seed)[1].source_size
    patches, rows = patch_set.resized(source_size, job.cache), patch_set.rows("pool")
    few = rows[: N_BATCHES * job.settings.batch_size]
    trainer = Trainer(job.configuration, job.settings, patches, few, native, job.seed, torch.device("cpu"))
    trainer.run_epoch()  # the first batches are slower
    speed = trainer.run_epoch()["speed/patches_per_s"]
    return job.settings.epochs * n_training(patch_set) / speed


@app.command()
@user_errors
def main(
    dataset: Annotated[
        str, typer.Argument(help="Data set. marrow-r30, -r50, -r70, -r100 and -mixed are drawn on first use.")
    ],
    table: Annotated[Path, typer.Option(help="CSV file of the results. Trainings that it has are not run again.")],
    recipes: Annotated[Path | None, typer.Option(help="Folder of recipes. Default: bench/study/recipes.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of trainings of each recipe; seeds count from 0.")] = 3,
    only: Annotated[str, typer.Option(help="Names of recipes, separated by commas. Default: all.")] = "",
    processes: Annotated[int, typer.Option(min=1, help="Number of trainings at once, one thread each.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what is left and its predicted time.")] = False,
) -> None:
    """Train recipes from several seeds into a table, and show the mean scores of each."""
    from bench.home.paths import home
    from bench.study.datasets import open_studied
    from bench.study.recipe_files import FOLDER, read_recipes, recipe_jobs
    from cellbench.disk import file_lock

    chosen = read_recipes(recipes or FOLDER, [name.strip() for name in only.split(",") if name.strip()])
    patch_set = open_studied(dataset)
    jobs = recipe_jobs(patch_set, chosen, seeds, home() / "study" / "recipes" / dataset)
    names = {table_key(job): name for name, own in jobs.items() for job in own}
    in_order = [job for seed in zip(*jobs.values(), strict=True) for job in seed]
    if dry_run:
        _show_missing(Measured(table), in_order, names, patch_set)
        return
    with file_lock(table.absolute().with_name(f".{table.name}.lock"), wait=False):
        measured = Measured(table)
        missing = [job for job in in_order if measured.lacks(job)]
        say(f"{dataset}: {counted(len(in_order), 'training')}, {len(missing)} to run")
        failed = []
        for number, (job, found) in enumerate(run_all(missing, processes, run), start=1):
            what = f"{number} of {len(missing)}: {names[table_key(job)]}, seed {job.seed}"
            if isinstance(found, str):
                failed.append(what)
                print_error(f"{what} failed: {found}")
                continue
            measured.add(job, found, recipe=names[table_key(job)])
            note(f"{what}: macro F1 {found['probe/f1_macro']:.3f}, {duration(found['cost/seconds'])}")
    _show_means(measured.frame, names)
    if failed:
        raise TrainingError(f"{counted(len(failed), 'training')} failed; change the recipes, or run the command again.")


def _show_missing(
    measured: Measured, jobs: "Sequence[TrialJob]", names: Mapping[str, str], patch_set: "PatchSet"
) -> None:
    from rich.table import Table

    missing = [job for job in jobs if measured.lacks(job)]
    shown = Table("recipe", box=None, pad_edge=False)
    for title in ("seed", "epochs", "predicted"):
        shown.add_column(title, justify="right")
    total, tried = 0.0, dict[str, float]()
    for job in missing:
        name = names[table_key(job)]
        seconds = known_seconds(name, job, measured.frame, n_training(patch_set))
        if seconds is None:
            if name not in tried:
                tried[name] = measured_seconds(job, patch_set)
            seconds = tried[name]
        total += seconds
        shown.add_row(name, str(job.seed), str(job.settings.epochs), duration(seconds) + ("*" if name in tried else ""))
    console().print(shown)
    say(
        f"{patch_set.card.name}: {counted(len(jobs), 'training')}, {len(missing)} to run: {duration(total)} one after "
        "another."
    )
    if tried:
        say(f"* without scores, from the speed over {N_BATCHES} batches; the table has no training of this size.")


def _show_means(frame: "pd.DataFrame", names: Mapping[str, str]) -> None:
    from rich.table import Table

    from bench.terminal.formatting import with_spread

    shown = Table("recipe", box=None, pad_edge=False)
    columns = {**LABELS, **SUMMARY}
    for title in (*columns.values(), "seeds"):
        shown.add_column(title, justify="right")
    for name, own in frame[frame["key"].isin(names)].groupby("recipe", sort=False):
        cells = []
        for column in columns:
            values = own[column].dropna() if column in own else own["key"][:0]
            if not len(values):
                cells.append("–")
            elif column in LABELS:
                cells.append(with_spread(values.mean(), values.std() if len(values) > 1 else None))
            else:
                cells.append(f"{values.mean():.3g}" if values.mean() < 1000 else f"{values.mean():.0f}")
        shown.add_row(str(name), *cells, str(len(own)))
    console().print(shown)


if __name__ == "__main__":
    app()
