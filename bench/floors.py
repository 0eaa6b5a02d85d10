"""Scores floors, representations without labels and gradients: an untrained encoder, PCA, rings, a dictionary.

    python -m bench.floors --dataset pbc
    python -m bench.floors --dataset pbc --radii 42,70,91,112,177 --size 48
    python -m bench.floors --dataset pbc --floor ring_profile,patch_dictionary
    python -m bench.floors --dataset pbc --supervised all --epochs 9

The best radius of the masked PCA is a good first value for the radius of a mask. A search has a winner only if it
beats these scores. `--supervised` trains the encoder on the labels, as a ceiling, from three seeds. The holdout is not
used. Floors take seconds to minutes; what the program computed once, it reads from the cache.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import Field

from bench.planning.options import (
    Dataset,
    Options,
    ProbeName,
    Seed,
    Size,
    SupervisedExtent,
    Threads,
    ViewCount,
    radii_option,
)
from bench.terminal.command_line import Command, Option, options_from
from bench.terminal.console import console, say, user_errors
from bench.terminal.formatting import counted
from bench.terminal.parsing import Numbers
from cellbench.errors import SettingError
from cellbench.training.configuration import DEFAULT_PROBE

if TYPE_CHECKING:
    from rich.table import Table

    from cellbench.floors import CachedFloor
    from cellbench.patches import PatchSet
    from cellbench.training.configuration import Configuration, TrainingSettings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PAPER_RADII = (30, 40, 50, 65, 80, 90, 126)
"""Default radii in px of a 256 px patch: the three of the paper, and values around them."""


class FloorOptions(Options):
    """The options of `bench.floors`."""

    dataset: Dataset = "marrow-mini"
    floor: Annotated[str | None, Option("Floors to score", metavar="NAME,NAME", default="all")] = None
    radii: Annotated[Numbers | None, radii_option("7 from 12 % to 49 % of the side")] = None
    size: Size = "auto"
    views: ViewCount = None
    supervised: SupervisedExtent = "none"
    epochs: Annotated[
        int | None, Field(ge=1, le=100_000), Option("Epochs of the ceiling", default="40k patches, as --profile cpu")
    ] = None
    seed: Seed = 0
    probe: ProbeName = DEFAULT_PROBE
    threads: Threads = 1


@app.command(cls=Command)
@user_errors
@options_from(FloorOptions)
def floors(options: FloorOptions) -> None:
    """Score every floor; those that see a mask, under a mask of each radius."""
    from dataclasses import replace

    from bench.home.datasets import open_dataset
    from bench.home.paths import cache_dir
    from bench.planning.training import chosen_size, radii_px, training_settings
    from bench.record.profiles import n_epochs, profile
    from bench.terminal.formatting import length_in_words
    from cellbench.floors import FLOORS, CachedFloor, FloorMask, available_floors, floor_context
    from cellbench.probes import PROBES
    from cellbench.threads import use_threads

    names = FLOORS.names() if options.floor is None else [name.strip() for name in options.floor.split(",")]
    kinds = {name: FLOORS.get(name) for name in names}
    PROBES.get(options.probe)
    if options.epochs is not None and options.supervised == "none":
        raise SettingError("--epochs is that of the ceiling; add --supervised fold or --supervised all.")
    use_threads(options.threads)
    patch_set = open_dataset(options.dataset)
    card, native = patch_set.card, patch_set.card.native_size
    size = chosen_size(options.size, profile("cpu", False), card)
    radii = radii_px(options.radii, PAPER_RADII, native)
    n_training = n_epochs(profile("cpu", False), len(patch_set.rows("pool")))
    typed = {"network_size": size, "views": options.views, "epochs": options.epochs or n_training}
    settings = training_settings({name: value for name, value in typed.items() if value is not None})
    seeds = (options.seed, options.seed + 1, options.seed + 2)
    context = floor_context(patch_set, settings, seeds)
    masked = [
        (length_in_words(radius, card.um_per_px), replace(context, mask=FloorMask(_fixed_mask(radius))))
        for radius in radii
    ]

    found: list[tuple[str, CachedFloor]] = []
    missing: list[str] = []
    for name, kind in kinds.items():
        for radius_text, own in masked if kind.uses_mask else [("", context)]:
            floors, reasons = available_floors([name], own)
            found += [
                (radius_text, CachedFloor(name, each, patch_set, own.seeds, cache_dir())) for each in floors.values()
            ]
            missing += reasons
    if not found:
        raise SettingError(" ".join(dict.fromkeys(missing)))
    table = _table(found, options.probe)
    if options.supervised != "none":
        _add_ceiling(table, patch_set, settings, options.supervised, seeds)
    console().print(table)
    for reason in dict.fromkeys(missing):
        say(reason)
    if context.radius.px is not None:
        say(f"Cell radius: {length_in_words(context.radius.px, card.um_per_px)}, {context.radius.source}.")
    say(
        f"{len(patch_set.rows('labelled'))} labelled patches of {card.name} at {size} px, embeddings are over "
        f"{counted(settings.views, 'view')}, the probe is {options.probe} in five grouped folds; ± over folds, for a "
        "random floor and a ceiling over three seeds. "
        "Seconds of fitting and embedding, when they were computed."
    )
    if options.supervised != "none":
        say(f"The ceiling is the encoder trained on labels for {counted(settings.epochs, 'epoch')} of the pool.")


def _fixed_mask(radius: float) -> "Configuration":
    from cellbench.training.configuration import Configuration

    return Configuration(method="mask_fixed", params={"r_max": radius})


def _add_ceiling(
    table: "Table",
    patch_set: "PatchSet",
    settings: "TrainingSettings",
    extent: Literal["fold", "all"],
    seeds: tuple[int, ...],
) -> None:
    """Add the row of the supervised ceiling, trained from each seed on one thread, without the holdout."""
    import numpy as np

    from bench.home.paths import cache_dir
    from bench.pipeline.supervised import supervised_ceiling
    from cellbench.probes.f1 import macro_f1

    labels = patch_set.labels(patch_set.rows("labelled"))
    made = [supervised_ceiling(patch_set, settings, extent, seed, cache_dir(), with_holdout=False) for seed in seeds]
    f1 = [macro_f1(labels[each.among], each.predictions[each.among], len(patch_set.card.classes)) for each in made]
    seconds = sum(each.seconds for each in made) / len(made)
    n_empty = len(table.columns) - 4
    table.add_row(
        made[0].name, *[""] * n_empty, f"{np.mean(f1):.3f} ± {np.std(f1, ddof=1):.3f}", f"{seconds:.1f}", "ceiling"
    )


def _table(found: Sequence[tuple[str, "CachedFloor"]], probe: str) -> "Table":
    """Return the table of floors, each with the words for the radius of its mask, scored by a probe."""
    from rich.table import Table

    from cellbench.scores.few_labels import N_LABELS

    table = Table(box=None, pad_edge=False)
    for name in ("floor", "r_max", "numbers", *(f"{n} labels" for n in N_LABELS), "all labels", "seconds", ""):
        table.add_column(name, justify="left" if name in ("floor", "") else "right")
    best = max(floor.f1_macro(probe) for _, floor in found)
    for radius_text, floor in found:
        table.add_row(
            floor.name,
            radius_text,
            str(floor.embeddings(floor.seeds[0], "labelled").shape[1]),
            *(f"{f1:.3f}" for f1 in floor.few_labels(probe).values()),
            f"{floor.f1_macro(probe):.3f} ± {floor.f1_std(probe):.3f}",
            f"{floor.seconds():.1f}",
            "strongest" if floor.f1_macro(probe) == best else "",
        )
    return table


if __name__ == "__main__":
    app()
