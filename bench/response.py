"""The response curve: macro F1 over the radius of a mask, from one training for all radii.

    python -m bench.response --dataset mine
    python -m bench.response --dataset mine --radii 30,50,80,120 --epochs 20 --seed 1 --csv curve.csv
    python -m bench.response --dataset mine --fine-tune 2

The radius is drawn anew for each patch and told to the network; then the labelled patches are embedded and scored as
seen at each radius: masked in the input as in the loss, or (`--seen whole`) in the loss alone. `--fine-tune` goes on
training at the best radius. Only pool and labelled patches are used, never the holdout. The curve ranks radii; what a
radius is worth, a search says.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.planning import options
from bench.terminal.console import console, note, say, user_errors
from bench.terminal.formatting import counted

if TYPE_CHECKING:
    from cellbench.patches import PatchSet
    from cellbench.radius_conditioned import RadiusConditionedTrainer
    from cellbench.training.configuration import Configuration

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
RADII = (20, 27, 37, 50, 68, 92, 124, 168)
"""px of a 256 px patch, evenly spaced on a log scale; scored by default."""
LR, BETA = 1e-3, 2e-3
FINE_TUNE_LR = 5e-4
"""Lower than that of a training from scratch, so that what was learned is kept."""


@app.command()
@user_errors
def response(
    dataset: Annotated[str, typer.Option(help="Name of a data set.")] = "marrow-mini",
    radii: Annotated[
        str | None, typer.Option(help="Radii that are scored, px of the patches, separated by commas.")
    ] = None,
    epochs: options.Epochs = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    fine_tune: Annotated[int, typer.Option(min=0, help="Epochs of further training at the best radius.")] = 0,
    seen: Annotated[
        str,
        typer.Option(help="What the encoder sees: the patch masked as its loss is, or the whole patch."),
    ] = "masked",
    shape: Annotated[str, typer.Option(help="How the weight falls from the centre to the radius.")] = "sqrt",
    size: Annotated[str, typer.Option(help="Network size in px, or auto.")] = "auto",
    encoder: options.Encoder = None,
    batch_size: options.BatchSize = None,
    views: options.Views = None,
    csv: Annotated[Path | None, typer.Option(help="Write the curve to this file.")] = None,
) -> None:
    """Train once for all radii, and show what the representation is worth at each."""
    import pandas as pd
    from rich.table import Table

    from bench.home.datasets import open_dataset
    from bench.terminal.formatting import length_in_words, value_in_words
    from cellbench.disk import write_text
    from cellbench.errors import SettingError
    from cellbench.radius_conditioned import configuration_of, response_curve
    from cellbench.radius_conditioned import fine_tune as tuner

    given = {"encoder": encoder, "batch_size": batch_size, "views": views}
    asked = {name: value for name, value in given.items() if value is not None}
    if csv is not None and not csv.absolute().parent.is_dir():
        raise SettingError(f"--csv {csv}: there is no folder {csv.absolute().parent}; make it, or write elsewhere.")
    patch_set = open_dataset(dataset)
    native = patch_set.card.native_size
    scored = _radii(radii, native)
    configuration = configuration_of(native, seen, shape, LR, BETA)
    trainer = _trainer(patch_set, configuration, epochs, seed, size, asked)
    _train(trainer, "all radii")
    found = []
    for one in response_curve(trainer, patch_set, scored):
        note(f"r_max {value_in_words(one.radius)} px: macro F1 {one.scores.f1_macro:.3f}")
        found.append(("curve", one))
    best = max((one for _, one in found), key=lambda one: one.scores.f1_macro)
    n_trained = trainer.n_patches * trainer.epoch
    if fine_tune:
        tuned = tuner(trainer, best.radius, fine_tune, FINE_TUNE_LR)
        _train(tuned, f"r_max {value_in_words(best.radius)} px")
        found += [("fine-tuned", one) for one in response_curve(tuned, patch_set, [best.radius])]
        n_trained += tuned.n_patches * tuned.epoch

    um, pixels = patch_set.card.um_per_px, trainer.settings.network_size**2
    table = Table(box=None, pad_edge=False)
    for name in ("r_max", "macro F1", "±", ""):
        table.add_column(name, justify="right" if name else "left")
    for stage, one in found:
        mark = "fine-tuned" if stage == "fine-tuned" else "best of the curve" if one is best else ""
        f1, spread = f"{one.scores.f1_macro:.3f}", f"{one.scores.f1_std:.3f}"
        table.add_row(length_in_words(one.radius, um), f1, spread, mark)
    console().print(table)
    n_embedded = sum(one.n_embedded for _, one in found)
    say(
        f"Trained {n_trained:,} patches × {pixels:,} px = {n_trained * pixels:.3g}; embedded {n_embedded:,} patches × "
        f"{pixels:,} px = {n_embedded * pixels:.3g}. Embeddings are means over "
        f"{counted(trainer.settings.views, 'view')}; ± over the probe's folds."
    )
    if csv is not None:
        rows = [
            {
                "dataset": dataset,
                "stage": stage,
                "seen": seen,
                "seed": seed,
                "r_max": one.radius,
                "network_size": trainer.settings.network_size,
                "epochs": trainer.epoch + (fine_tune if stage == "fine-tuned" else 0),
                "f1_macro": one.scores.f1_macro,
                "f1_std": one.scores.f1_std,
                "accuracy": one.scores.accuracy,
                "cost/patches": n_trained if stage == "fine-tuned" else trainer.n_patches * trainer.epoch,
                "cost/embedded": one.n_embedded,
            }
            for stage, one in found
        ]
        write_text(csv, pd.DataFrame(rows).to_csv(index=False))
        say(f"The curve was written to {csv}")


def _radii(text: str | None, native_size: int) -> list[float]:
    """Return the radii to score, in native px, none twice.

    Raises:
        SettingError: They are no numbers, or lie outside a patch.
    """
    from bench.terminal.formatting import rounded
    from cellbench.errors import SettingError
    from cellbench.suppression import PAPER_SIZE

    try:
        typed = [float(one) for one in text.split(",")] if text else [r * native_size / PAPER_SIZE for r in RADII]
    except ValueError:
        raise SettingError(f"--radii {text}: write numbers of px with commas between them, as 40,70,100.") from None
    scored, corner = list(dict.fromkeys(rounded(radius) for radius in typed)), native_size / 2**0.5
    if not all(0 < radius <= corner for radius in scored):
        raise SettingError(
            f"--radii {text}: a radius lies above 0 and below {corner:.0f} px, where the corners of a patch are."
        )
    return scored


def _trainer(
    patch_set: "PatchSet",
    configuration: "Configuration",
    epochs: int | None,
    seed: int,
    size: str,
    asked: dict[str, Any],
) -> "RadiusConditionedTrainer":
    """Return the trainer of four fifths of the pool.

    Raises:
        SettingError: An option is out of range.
    """
    import torch

    from bench.home.paths import cache_dir
    from bench.planning.arguments import settings_from
    from bench.record.profiles import n_epochs, network_size, profile
    from bench.terminal.parsing import is_whole
    from cellbench.errors import SettingError
    from cellbench.radius_conditioned import RadiusConditionedTrainer
    from cellbench.trials.run import training_rows

    native = patch_set.card.native_size
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    defaults = profile("auto", device.type == "cuda")
    if size != "auto" and not (is_whole(size) and 16 <= int(size) <= native):
        raise SettingError(f"--size {size}: write auto, or 16 to {native} px.")
    side = network_size(defaults, native, patch_set.card.cell_radius_px) if size == "auto" else int(size)
    rows, _ = training_rows(patch_set, fold=0)
    chosen = {
        "network_size": side,
        "epochs": epochs or n_epochs(defaults, len(rows)),
        "batch_size": defaults.batch_size,
    }
    settings = settings_from(chosen | asked)
    patches = patch_set.resized(side, cache_dir())
    return RadiusConditionedTrainer(configuration, settings, patches, rows, native, seed, device)


def _train(trainer: "RadiusConditionedTrainer", what: str) -> None:
    while trainer.epoch < trainer.settings.epochs:
        metrics = trainer.run_epoch()
        note(
            f"{what}: epoch {trainer.epoch} of {trainer.settings.epochs}, loss {metrics['train/loss']:.4f}, "
            f"{metrics['speed/patches_per_s']:.0f} patches/s"
        )


if __name__ == "__main__":
    app()
