"""Trains other ways to weight a patch at the settings of the grid: what each is worth beside masks of every radius.

    python -m bench.study.radius.methods marrow-mini --table docs/radius/methods-marrow-mini.csv
    python -m bench.study.radius.methods pbc --passes 25000 --ways 'vae;mask_auto;mask_profile'

What stands in the table is not trained again. Only pool and labelled patches are used, never the holdout.
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
"""The paper's learned radius, without and with its penalty, and both with weights divided by their mean."""
PRIOR = {f"prior, {beta:g}": beta for beta in (0.001, 0.01, 0.1)}
"""A learned radius whose prior is centred on the estimate, held by it weakly to strongly."""
SHAPED = {f"mask_auto, {shape}": shape for shape in ("linear", "quadratic", "cosine", "gaussian", "hard")}
"""The mask of the estimated radius in other shapes than `sqrt`, each at its own factor."""
CROPS = ("crop_small", "crop_medium")
OFFSET_SIGMA = 5
"""Scale of a crop's shift, px of 256: the middle one of the paper's."""
WAYS = ("vae", "mask_auto", "mask_profile", "mask_evidence", *LEARNED, *PRIOR, *SHAPED, *CROPS)


def way(name: str, patch_set: "PatchSet") -> tuple[str, Params]:
    """Return the method and the hyperparameters of a way, in native px; an estimate looks at no label.

    Args:
        name: One of `WAYS`.
        patch_set: The data set.

    Raises:
        NotFoundError: There is no such way.
    """
    from bench.terminal.formatting import rounded
    from cellbench.errors import NotFoundError
    from cellbench.radius import estimate_radius, recommended_r_max
    from cellbench.registry import nearest
    from cellbench.suppression import PAPER_SIZE

    if name in LEARNED:
        return "mask_learned", {**LEARNED[name], "shape": "sqrt"}
    if name == "vae":
        return "vae", {}
    if name == "mask_evidence":
        return "mask_evidence", {"threshold": 0.3, "normalize": True, "shape": "sqrt"}
    if name == "mask_profile":
        return "mask_profile", {"profile": estimate_radius(patch_set).weight_text, "normalize": True}
    if name in CROPS:
        return name, {"offset_sigma": rounded(OFFSET_SIGMA * patch_set.card.native_size / PAPER_SIZE)}
    if name == "mask_auto" or name in PRIOR or name in SHAPED:
        found, shape = estimate_radius(patch_set), SHAPED.get(name, "sqrt")
        r_max = rounded(recommended_r_max(found.radius_px, shape, patch_set.card.native_size).best)
        rest: Params = {"normalize": True, "shape": shape}
        if name in PRIOR:
            return "mask_prior", {"r_prior": r_max, "spread": 0.2, "prior_beta": PRIOR[name], **rest}
        return "mask_auto", {"r_max": r_max, **rest}
    raise NotFoundError(f"There is no way '{name}'; {nearest(name, WAYS)}")


@app.command()
@user_errors
def methods(
    dataset: Annotated[str, typer.Argument(help="Data set; marrow-r30, -r50, -r70, -r100 and -mixed are drawn.")],
    ways: Annotated[str, typer.Option(help="What to train, separated by semicolons.")] = ";".join(WAYS),
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each.")] = 3,
    passes: Annotated[int, typer.Option(min=1, help="Patches that one training sees, at most.")] = PASSES,
    size: Annotated[str, typer.Option(help="Network size in px, or auto: a cell's radius keeps 8 px.")] = "auto",
    processes: Annotated[int | None, typer.Option(min=1, help="Trainings at once. Default: one a core.")] = None,
    table: Annotated[Path | None, typer.Option(help="CSV file of the table, gone on with where it exists.")] = None,
) -> None:
    """Train ways to weight a patch from several seeds, and show macro F1 and the radius each ended with."""
    import pandas as pd
    from rich.table import Table

    from bench.home.paths import home
    from bench.study.datasets import open_studied
    from cellbench.suppression import PAPER_SIZE

    patch_set = open_studied(dataset)
    side = network_size(patch_set) if size == "auto" else int(size)
    settings, folder = settings_for(patch_set, passes, side), home() / "study" / "methods" / dataset
    jobs = {
        name: [make_job(patch_set, *way(name, patch_set), settings, seed, folder) for seed in range(seeds)]
        for name in ways.split(";")
    }
    names = {table_key(job): name for name, own in jobs.items() for job in own}
    measured = Measured(table)
    left = [job for seed in zip(*jobs.values(), strict=True) for job in seed if measured.lacks(job)]
    say(f"{dataset}: {counted(sum(map(len, jobs.values())), 'training')} at {side} px, {len(left)} to do")
    for job, metrics in run_all(left, processes, train):
        note(f"{names[table_key(job)]}, seed {job.seed}: macro F1 {metrics['probe/f1_macro']:.3f}")
        measured.add(job, metrics, way=names[table_key(job)])
    found = measured.frame[measured.frame["key"].isin(names)]
    shown = Table(box=None, pad_edge=False)
    for name in ("", "macro F1", "±", "r_max (of 256)", "seeds"):
        shown.add_column(name, justify="right" if name else "left")
    for label, own in found.groupby("way", sort=False):
        f1, radius = own["probe/f1_macro"], own.get("radius/r_max", pd.Series(dtype=float)).dropna()
        ended = f"{radius.mean() * PAPER_SIZE / patch_set.card.native_size:.0f}" if len(radius) else "–"
        shown.add_row(str(label), f"{f1.mean():.3f}", f"{f1.std():.3f}", ended, str(len(f1)))
    console().print(shown)


if __name__ == "__main__":
    app()
