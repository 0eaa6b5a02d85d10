"""Train variants of suppressions at the settings of the grid, to compare them with fixed masks of every radius.

    python -m bench.study.radius.methods marrow-mini --table docs/radius/methods-marrow-mini.csv
    python -m bench.study.radius.methods pbc --passes 25000 --variants 'vae;mask_auto;mask_profile'

Trainings that the table already has are not run again. Only pool and labelled patches are used, never the holdout.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.study.trainings import PASSES, Measured, make_job, network_size, run_all, settings_for, table_key, train
from bench.terminal.console import console, note, say, user_errors
from bench.terminal.formatting import counted

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Params = dict[str, float | bool | str]
LEARNED: dict[str, Params] = {
    "learned": {"penalty": 0.0, "normalize": False},
    "learned, penalty 0.1": {"penalty": 0.1, "normalize": False},
    "learned, normalized": {"penalty": 0.0, "normalize": True},
    "learned, normalized, penalty 0.1": {"penalty": 0.1, "normalize": True},
}
"""The paper's learned radius without and with its penalty, each also with weights divided by their mean."""
PRIOR = {f"prior, {beta:g}": beta for beta in (0.001, 0.01, 0.1)}
"""A learned radius with a prior centred on the estimate, from a weak to a strong prior."""
SHAPED = {f"mask_auto, {shape}": shape for shape in ("linear", "quadratic", "cosine", "gaussian", "hard")}
"""Masks of the estimated radius in other shapes than `sqrt`, each with the factor of its shape."""
CROPS = ("crop_small", "crop_medium")
OFFSET_SIGMA = 5
"""Standard deviation of a crop's shift, px of 256: the middle one of the paper's values."""
VARIANTS = ("vae", "mask_auto", "mask_profile", "mask_evidence", *LEARNED, *PRIOR, *SHAPED, *CROPS)


def method_and_params(variant: str, patch_set: "PatchSet") -> tuple[str, Params]:
    """Return the method and the hyperparameters of a variant, lengths in native px.

    Args:
        variant: One of `VARIANTS`.
        patch_set: The data set. Its cell radius is estimated without labels.

    Raises:
        NotFoundError: The variant is unknown.
    """
    from bench.terminal.formatting import rounded
    from cellbench.errors import NotFoundError
    from cellbench.radius import estimate_radius, recommended_r_max
    from cellbench.registry import nearest
    from cellbench.suppression import PAPER_SIZE

    if variant in LEARNED:
        return "mask_learned", {**LEARNED[variant], "shape": "sqrt"}
    if variant == "vae":
        return "vae", {}
    if variant == "mask_evidence":
        return "mask_evidence", {"threshold": 0.3, "normalize": True, "shape": "sqrt"}
    if variant == "mask_profile":
        return "mask_profile", {"profile": estimate_radius(patch_set).weight_text, "normalize": True}
    if variant in CROPS:
        return variant, {"offset_sigma": rounded(OFFSET_SIGMA * patch_set.card.native_size / PAPER_SIZE)}
    if variant == "mask_auto" or variant in PRIOR or variant in SHAPED:
        found, shape = estimate_radius(patch_set), SHAPED.get(variant, "sqrt")
        r_max = rounded(recommended_r_max(found.radius_px, shape, patch_set.card.native_size).best)
        rest: Params = {"normalize": True, "shape": shape}
        if variant in PRIOR:
            return "mask_prior", {"r_prior": r_max, "spread": 0.2, "prior_beta": PRIOR[variant], **rest}
        return "mask_auto", {"r_max": r_max, **rest}
    raise NotFoundError(f"There is no variant '{variant}'; {nearest(variant, VARIANTS)}")


@app.command()
@user_errors
def methods(
    dataset: Annotated[
        str, typer.Argument(help="Data set. marrow-r30, -r50, -r70, -r100 and -mixed are drawn on first use.")
    ],
    variants: Annotated[str, typer.Option(help="Variants to train, separated by semicolons.")] = ";".join(VARIANTS),
    seeds: Annotated[int, typer.Option(min=1, help="Number of trainings of each variant.")] = 3,
    passes: Annotated[int, typer.Option(min=1, help="Largest number of patches that one training sees.")] = PASSES,
    size: Annotated[
        str, typer.Option(help="Network size in px. auto: a typical cell keeps a radius of 8 px.")
    ] = "auto",
    processes: Annotated[
        int | None, typer.Option(min=1, help="Number of trainings at once. Default: one for each core.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="CSV file of the results. Trainings that it already has are not run again.")
    ] = None,
) -> None:
    """Train variants from several seeds and show macro F1 and the final radius of each."""
    import pandas as pd
    from rich.table import Table

    from bench.home.paths import home
    from bench.study.datasets import open_studied
    from cellbench.suppression import PAPER_SIZE

    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    settings, folder = settings_for(patch_set, passes, side), home() / "study" / "methods" / dataset
    jobs = {
        name: [
            make_job(patch_set, *method_and_params(name, patch_set), settings, seed, folder) for seed in range(seeds)
        ]
        for name in variants.split(";")
    }
    names = {table_key(job): name for name, own in jobs.items() for job in own}
    measured = Measured(table)
    missing = [job for seed in zip(*jobs.values(), strict=True) for job in seed if measured.lacks(job)]
    say(f"{dataset}: {counted(sum(map(len, jobs.values())), 'training')} at {side} px, {len(missing)} to run")
    for job, metrics in run_all(missing, processes, train):
        note(f"{names[table_key(job)]}, seed {job.seed}: macro F1 {metrics['probe/f1_macro']:.3f}")
        measured.add(job, metrics, way=names[table_key(job)])
    trained = measured.frame[measured.frame["key"].isin(names)]
    summary = Table(box=None, pad_edge=False)
    for name in ("", "macro F1", "±", "r_max (of 256)", "seeds"):
        summary.add_column(name, justify="right" if name else "left")
    for label, own in trained.groupby("way", sort=False):
        f1, radius = own["probe/f1_macro"], own.get("radius/r_max", pd.Series(dtype=float)).dropna()
        ended = f"{radius.mean() * PAPER_SIZE / patch_set.card.native_size:.0f}" if len(radius) else "–"
        summary.add_row(str(label), f"{f1.mean():.3f}", f"{f1.std():.3f}", ended, str(len(f1)))
    console().print(summary)


if __name__ == "__main__":
    app()
