"""The response curve: macro F1 over the radius of a mask, from one training for all radii.

    python -m bench.response --dataset mine
    python -m bench.response --dataset mine --radii 30,50,80,120 --epochs 20 --seed 1 --csv curve.csv
    python -m bench.response --dataset mine --fine-tune 2

The training draws a radius for each patch and gives it to the network. Then the labelled patches are embedded and
scored at each radius. The encoder sees patches that are masked as in the loss, or whole patches (`--seen whole`).
`--fine-tune` continues the training at the best radius. The holdout is not used. The curve ranks radii; the score of
a radius comes from a search.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import Field

from bench.planning.options import (
    BatchSize,
    Dataset,
    Encoder,
    Epochs,
    Options,
    ProbeName,
    Seed,
    Size,
    Threads,
    ViewCount,
    radii_option,
)
from bench.terminal.command_line import Command, Option, options_from
from bench.terminal.console import console, note, say, user_errors
from bench.terminal.formatting import counted
from bench.terminal.parsing import Numbers
from cellbench.errors import SettingError
from cellbench.training.configuration import DEFAULT_PROBE

if TYPE_CHECKING:
    from cellbench.patches import PatchSet
    from cellbench.radius_conditioned import CurvePoint, RadiusConditionedTrainer
    from cellbench.training.configuration import Configuration

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
RADII = (20, 27, 37, 50, 68, 92, 124, 168)
"""Default radii in px of a 256 px patch, evenly spaced on a log scale."""
LR, BETA = 1e-3, 2e-3
FINE_TUNE_LR = 5e-4
"""Lower than that of a training from scratch, which keeps more of what was learned."""


class ResponseOptions(Options):
    """The options of `bench.response`."""

    dataset: Dataset = "marrow-mini"
    radii: Annotated[Numbers | None, radii_option("8 from 8 % to 66 % of the side")] = None
    epochs: Epochs = None
    seed: Seed = 0
    fine_tune: Annotated[int, Field(ge=0, le=100_000), Option("Epochs of further training at the best radius")] = 0
    seen: Annotated[Literal["masked", "whole"], Option("Patch that the encoder sees")] = "masked"
    shape: Annotated[str, Option("Shape of the mask: decrease of the weight from the centre", metavar="NAME")] = "sqrt"
    size: Size = "auto"
    encoder: Encoder = None
    batch_size: BatchSize = None
    views: ViewCount = None
    threads: Threads = 1
    probe: ProbeName = DEFAULT_PROBE
    csv: Annotated[Path | None, Option("File to write the curve to")] = None


@app.command(cls=Command)
@user_errors
@options_from(ResponseOptions)
def response(options: ResponseOptions) -> None:
    """Train once for all radii, and show the macro F1 of the representation at each radius."""
    from bench.home.datasets import open_dataset
    from bench.planning.training import radii_px
    from bench.terminal.formatting import rounded, value_in_words
    from cellbench.output_files import check_output, write_output
    from cellbench.probes import PROBES
    from cellbench.radius_conditioned import configuration_of, fine_tune, response_curve
    from cellbench.threads import use_threads

    check_output(options.csv, "--csv")
    PROBES.get(options.probe)
    use_threads(options.threads)
    patch_set = open_dataset(options.dataset)
    native = patch_set.card.native_size
    radii = list(dict.fromkeys(rounded(radius) for radius in radii_px(options.radii, RADII, native)))
    trainer = _trainer(patch_set, configuration_of(native, options.seen, options.shape, LR, BETA), options)
    _train(trainer, "all radii")
    found = []
    for one in response_curve(trainer, patch_set, radii, options.probe):
        note(f"r_max {value_in_words(one.radius)} px: macro F1 {one.scores.f1_macro:.3f}")
        found.append(("curve", one))
    best = max((one for _, one in found), key=lambda one: one.scores.f1_macro)
    n_trained = trainer.n_patches * trainer.epoch
    if options.fine_tune:
        tuned = fine_tune(trainer, best.radius, options.fine_tune, FINE_TUNE_LR)
        _train(tuned, f"r_max {value_in_words(best.radius)} px")
        found += [("fine-tuned", one) for one in response_curve(tuned, patch_set, [best.radius], options.probe)]
        n_trained += tuned.n_patches * tuned.epoch

    _print_curve(found, best, patch_set.card.um_per_px)
    pixels = trainer.settings.network_size**2
    n_embedded = sum(one.n_embedded for _, one in found)
    say(
        f"Trained {n_trained:,} patches × {pixels:,} px = {n_trained * pixels:.3g}; embedded {n_embedded:,} patches × "
        f"{pixels:,} px = {n_embedded * pixels:.3g}. Embeddings are means over "
        f"{counted(trainer.settings.views, 'view')}; ± over the probe's folds."
    )
    if options.csv is not None:
        import pandas as pd

        rows = [
            {
                "dataset": options.dataset,
                "stage": stage,
                "seen": options.seen,
                "seed": options.seed,
                "r_max": one.radius,
                "probe": options.probe,
                "network_size": trainer.settings.network_size,
                "epochs": trainer.epoch + (options.fine_tune if stage == "fine-tuned" else 0),
                "f1_macro": one.scores.f1_macro,
                "f1_std": one.scores.f1_std,
                "accuracy": one.scores.accuracy,
                "cost/patches": n_trained if stage == "fine-tuned" else trainer.n_patches * trainer.epoch,
                "cost/embedded": one.n_embedded,
            }
            for stage, one in found
        ]
        write_output(options.csv, pd.DataFrame(rows).to_csv(index=False))
        say(f"The curve is in {options.csv}")


def _print_curve(found: "list[tuple[str, CurvePoint]]", best: "CurvePoint", um_per_px: float | None) -> None:
    from rich.table import Table

    from bench.terminal.formatting import length_in_words

    table = Table(box=None, pad_edge=False)
    for name in ("r_max", "macro F1", "±", ""):
        table.add_column(name, justify="right" if name else "left")
    for stage, one in found:
        mark = "fine-tuned" if stage == "fine-tuned" else "best of the curve" if one is best else ""
        f1, spread = f"{one.scores.f1_macro:.3f}", f"{one.scores.f1_std:.3f}"
        table.add_row(length_in_words(one.radius, um_per_px), f1, spread, mark)
    console().print(table)


def _trainer(
    patch_set: "PatchSet", configuration: "Configuration", options: ResponseOptions
) -> "RadiusConditionedTrainer":
    """Return the trainer, which trains on four fifths of the pool.

    Raises:
        SettingError: An option is out of range.
    """
    import torch

    from bench.home.paths import cache_dir
    from bench.planning.training import check_networks, chosen_size, training_settings
    from bench.record.profiles import n_epochs, profile
    from cellbench.radius_conditioned import RadiusConditionedTrainer
    from cellbench.trials.run import training_rows

    native = patch_set.card.native_size
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    defaults = profile("gpu" if device.type == "cuda" else "cpu", has_gpu=False)
    size = chosen_size(options.size, defaults, patch_set.card)
    rows, _ = training_rows(patch_set, fold=0)
    typed = {name: getattr(options, name) for name in ("epochs", "encoder", "batch_size", "views")}
    values: dict[str, Any] = {
        "network_size": size,
        "epochs": n_epochs(defaults, len(rows)),
        "batch_size": defaults.batch_size,
    }
    settings = training_settings(values | {name: value for name, value in typed.items() if value is not None})
    check_networks(settings)
    if settings.batch_size > len(rows):
        raise SettingError(
            f"--batch-size must be at most {len(rows)}, the patches of a training; got {settings.batch_size}."
        )
    patches = patch_set.resized(size, cache_dir())
    return RadiusConditionedTrainer(configuration, settings, patches, rows, native, options.seed, device)


def _train(trainer: "RadiusConditionedTrainer", what: str) -> None:
    while trainer.epoch < trainer.settings.epochs:
        metrics = trainer.run_epoch()
        note(
            f"{what}: epoch {trainer.epoch} of {trainer.settings.epochs}, loss {metrics['train/loss']:.4f}, "
            f"{metrics['speed/patches_per_s']:.0f} patches/s"
        )


if __name__ == "__main__":
    app()
