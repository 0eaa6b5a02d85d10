"""Estimates the radius of the cells, and the r_max that suits it, without labels or training, in seconds.

    python -m bench.radius
    python -m bench.radius pbc --figure pbc-radius.png
    python -m bench.radius mine --record

The estimate uses the pool and the labelled patches, without their labels. The holdout is not used.
`--method mask_auto`, `--method mask_profile`, `--method hide` and `--set r_max=auto` use the same estimate.
"""

from pathlib import Path
from typing import Annotated

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import console, say, user_errors
from bench.terminal.formatting import counted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
@user_errors
def radius(
    dataset: Annotated[str, typer.Argument(help="Name of the data set.")] = "marrow-mini",
    figure: Annotated[Path | None, typer.Option(help="PNG file for the profile and the radius over patches.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Write the estimate to the card, unless annotated.")] = False,
    patches: Annotated[int, typer.Option(min=10, max=1_000_000, help="Largest number of patches to use.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, max=1_000_000, help="Seed of the sample and of the interval.")] = 0,
) -> None:
    """Estimate the radius of the cells without labels, and the r_max that suits each shape of mask."""
    from rich.table import Table

    from bench.home.datasets import open_dataset
    from bench.record.request import check_unused
    from bench.terminal.formatting import length_in_words
    from cellbench.output_files import check_output
    from cellbench.radius import FACTORS, estimate_radius, recommended_r_hide, recommended_r_max
    from cellbench.threads import use_threads

    check_output(figure, "--figure")
    patch_set = open_dataset(dataset)
    if record:
        check_unused(patch_set.path, "Its scores depend on the recorded radius.")
    card = patch_set.card
    use_threads(1)
    found = estimate_radius(patch_set, seed, patches)
    um = card.um_per_px
    for doubt in found.doubts:
        say(f"Warning: {doubt}", "yellow")
    if found.is_found:
        say(
            f"Radius of a cell: {length_in_words(found.radius_px, um)}, 95 % bootstrap interval "
            f"{length_in_words(found.low_px, um)} to {length_in_words(found.high_px, um)} "
            f"over {counted(found.n_groups, 'group')}; the largest cells reach "
            f"{length_in_words(found.knee_px, um)}"
        )
        table = Table(box=None, pad_edge=False)
        for title in ("shape", "r_max", "acceptable range"):
            table.add_column(title, justify="left" if title == "shape" else "right")
        for shape in FACTORS:
            best = recommended_r_max(found.radius_px, shape, card.native_size)
            low, high = length_in_words(best.low, um), length_in_words(best.high, um)
            table.add_row(shape, length_in_words(best.best, um), f"{low} to {high}")
        console().print(table)
        say(f"r_hide of the method hide: {length_in_words(recommended_r_hide(found.radius_px, card.native_size), um)}")
        say(f"Profile: {found.weight_text}")
    say(
        f"{found.n_patches} patches of {card.name} from "
        f"{counted(found.n_groups, 'group')}, {found.seconds:.1f} s of CPU, no labels."
    )
    if record and found.is_found:
        if card.cell_radius_source == "annotated":
            say("The card keeps its annotated radius.")
        else:
            patch_set.record_cell_radius(found.radius_px, "estimated")
            say("The estimate is now in the card.")
    if figure is not None:
        from bench.reporting.radius_figure import draw_radius

        draw_radius(patch_set, found, figure, seed)
        say(f"Figure: {figure}")


if __name__ == "__main__":
    app()
