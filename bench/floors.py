"""Scores representations that need no training: an untrained encoder, and PCA of the whole and of the masked patch.

    python -m bench.floors --dataset pbc
    python -m bench.floors --dataset pbc --radii 42,70,91,112,177 --size 48

The best radius of the masked PCA is a good first value for the radius of a mask. A search has a winner only if it
beats these scores. The holdout is not used. The program takes seconds to minutes.
"""

from typing import Annotated

import typer

from bench.planning.options import Dataset, Options, Seed, Size, Threads, ViewCount, radii_option
from bench.terminal.command_line import Command, options_from
from bench.terminal.console import console, say, user_errors
from bench.terminal.formatting import counted
from bench.terminal.parsing import Numbers

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PAPER_RADII = (30, 40, 50, 65, 80, 90, 126)
"""Default radii in px of a 256 px patch: the three of the paper, and values around them."""


class FloorOptions(Options):
    """The options of `bench.floors`."""

    dataset: Dataset = "marrow-mini"
    radii: Annotated[Numbers | None, radii_option("7 from 12 % to 49 % of the side")] = None
    size: Size = "auto"
    views: ViewCount = None
    seed: Seed = 0
    threads: Threads = 1


@app.command(cls=Command)
@user_errors
@options_from(FloorOptions)
def floors(options: FloorOptions) -> None:
    """Score the untrained encoder, PCA, and PCA under a mask of each radius."""
    import torch
    from rich.table import Table

    from bench.home.datasets import open_dataset
    from bench.home.paths import cache_dir
    from bench.planning.training import chosen_size, radii_px, training_settings
    from bench.record.profiles import profile
    from bench.terminal.formatting import length_in_words
    from cellbench.scores.floors import floor_rows, masked_floors, principal_components, untrained
    from cellbench.suppression import build_suppression
    from cellbench.threads import use_threads

    use_threads(options.threads)
    patch_set = open_dataset(options.dataset)
    card, native = patch_set.card, patch_set.card.native_size
    size = chosen_size(options.size, profile("cpu", False), card)
    radii = radii_px(options.radii, PAPER_RADII, native)
    settings = training_settings({"network_size": size} | ({} if options.views is None else {"views": options.views}))
    patches, rows = patch_set.resized(size, cache_dir()), floor_rows(patch_set)

    plain = build_suppression("vae", {}, native, size, 1)
    seeds = (options.seed, options.seed + 1, options.seed + 2)
    found = [
        ("", untrained(patches, rows, settings, native, torch.device("cpu"), seeds)),
        ("", principal_components("pca", patches, rows, plain, settings.views)),
    ]
    masked = masked_floors(patch_set, radii, {}, size, settings.views, cache_dir())
    found += [(length_in_words(radius, card.um_per_px), floor) for radius, floor in zip(radii, masked, strict=True)]

    table = Table(box=None, pad_edge=False)
    for name in ("floor", "r_max", "macro F1", "linear", "neighbours"):
        table.add_column(name, justify="left" if name == "floor" else "right")
    for radius_text, floor in found:
        scores = floor.scores[0]
        table.add_row(
            floor.name,
            radius_text,
            f"{floor.f1_macro:.3f} ± {floor.f1_std:.3f}",
            f"{scores.linear_f1_macro:.3f}",
            f"{scores.knn_f1_macro:.3f}",
        )
    console().print(table)
    say(
        f"{len(rows.labelled)} labelled patches of {card.name} at {size} px, embeddings are means over "
        f"{counted(settings.views, 'view')}, five grouped folds; ± over folds, for the untrained encoder over three "
        "seeds."
    )


if __name__ == "__main__":
    app()
