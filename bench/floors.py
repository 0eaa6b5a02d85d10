"""What a data set gives without any training: the untrained encoder, and PCA of the whole and of the masked patch.

    python -m bench.floors --dataset pbc
    python -m bench.floors --dataset pbc --radii 42,70,91,112,177 --size 48

Takes seconds to minutes. The best radius of the linear curve is a good first guess for a mask's radius; no search has
won unless it beats these figures. Only pool and labelled patches are used, never the holdout.
"""

from typing import Annotated

import typer

from bench.planning import options
from bench.terminal.console import console, say, user_errors
from bench.terminal.formatting import counted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PAPER_RADII = (30, 40, 50, 65, 80, 90, 126)
"""Radii in px of a 256 px patch that are scored by default: the paper's three, and around them."""


@app.command()
@user_errors
def floors(
    dataset: Annotated[str, typer.Option(help="Name of a data set.")] = "marrow-mini",
    radii: Annotated[
        str | None, typer.Option(help="Radii of the mask in px of the patches, separated by commas.")
    ] = None,
    size: Annotated[str, typer.Option(help="Network size in px, or auto.")] = "auto",
    views: options.Views = None,
    seed: Annotated[int, typer.Option(min=0, help="First seed of the untrained encoders.")] = 0,
) -> None:
    """Score what needs no training: the untrained encoder, PCA, and PCA under a mask of each radius."""
    import torch
    from rich.table import Table

    from bench.home.datasets import open_dataset
    from bench.home.paths import cache_dir
    from bench.planning.arguments import settings_from
    from bench.record.profiles import network_size, profile
    from bench.terminal.formatting import length_in_words
    from bench.terminal.parsing import is_whole
    from cellbench.errors import SettingError
    from cellbench.scores.floors import floor_rows, principal_components, untrained
    from cellbench.suppression import PAPER_SIZE, build_suppression

    patch_set = open_dataset(dataset)
    card = patch_set.card
    native = card.native_size
    if size != "auto" and not (is_whole(size) and 16 <= int(size) <= native):
        raise SettingError(f"--size {size}: write auto, or 16 to {native} px.")
    side = network_size(profile("cpu", False), native, card.cell_radius_px) if size == "auto" else int(size)
    try:
        typed = [float(text) for text in radii.split(",")] if radii else [r * native / PAPER_SIZE for r in PAPER_RADII]
    except ValueError:
        raise SettingError(f"--radii {radii}: write numbers of px with commas between them, as 40,70,100.") from None
    asked = list(dict.fromkeys(typed))
    masks = [build_suppression("mask_fixed", {"r_max": radius}, native, side, 1) for radius in asked]
    corner = native / 2**0.5
    if not all(0 < radius <= corner for radius in asked):
        raise SettingError(
            f"--radii {radii}: a radius lies above 0 and below {corner:.0f} px, where the corners of a patch are."
        )
    patches, rows = patch_set.resized(side, cache_dir()), floor_rows(patch_set)

    plain = build_suppression("vae", {}, native, side, 1)
    settings = settings_from({"network_size": side} | ({} if views is None else {"views": views}))
    found = [
        ("", untrained(patches, rows, settings, native, torch.device("cpu"), (seed, seed + 1, seed + 2))),
        ("", principal_components("pca", patches, rows, plain, settings.views)),
    ]
    for radius, mask in zip(asked, masks, strict=True):
        weights = mask.weights(torch.zeros(1, 1), side, None).map[0, 0].numpy()
        floor = principal_components("pca_masked", patches, rows, mask, settings.views, weights)
        found.append((length_in_words(radius, card.um_per_px), floor))

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
        f"{len(rows.labelled)} labelled patches of {card.name} at {side} px, embeddings are means over "
        f"{counted(settings.views, 'view')}, five grouped folds; ± over folds, for the untrained encoder over three "
        "seeds."
    )


if __name__ == "__main__":
    app()
