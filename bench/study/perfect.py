"""Score a perfect auto-encoder, which draws exactly what it sees, with every method at several network sizes.

    python -m bench.study.perfect pbc
    python -m bench.study.perfect pbc --sizes 32,64 --patches 64

Its `val/l1_core` must be 0. Its `val/l1_core_native` is what resizing alone costs. For comparison, `mean colour` is the
`val/l1_core` of an auto-encoder that draws the mean colour of what it sees. No network is trained.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.terminal.console import console, user_errors

if TYPE_CHECKING:
    from cellbench.models import AutoEncoder
    from cellbench.patches import PatchSet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
SIZES = "32,48,64,96"
METHODS: dict[str, dict[str, Any]] = {
    "vae": {},
    "rae": {},
    "noise": {"sigma": 100.0},
    "mask_fixed": {"r_max": 90.0},
    "mask_sampled": {"r_mean": 90.0, "r_std": 20.0},
    "mask_learned": {},
    "crop_small": {"offset_sigma": 5.0},
    "crop_medium": {"offset_sigma": 5.0},
}
"""The paper's methods, each with one configuration; lengths in px of a 256 px patch."""


def perfect(draws_mean: bool = False) -> "AutoEncoder":
    """Return an auto-encoder whose latent is its input and whose drawing is its latent.

    Args:
        draws_mean: Draw the mean colour of each input in place of the input.
    """
    from typing import cast

    from torch import Tensor, nn

    from cellbench.models import AutoEncoder, Posterior

    class Perfect(nn.Module):
        def encode(self, patches: Tensor) -> Posterior:
            return Posterior(patches, None)

        def decode(self, latent: Tensor) -> Tensor:
            return latent.mean(dim=(2, 3), keepdim=True).expand_as(latent) if draws_mean else latent

    return cast(AutoEncoder, Perfect())


def perfect_scores(
    patch_set: "PatchSet", method: str, network_size: int, n_patches: int, draws_mean: bool = False
) -> dict[str, float]:
    """Return the reconstruction scores of the auto-encoder `perfect` on evenly chosen patches of the pool.

    Args:
        patch_set: The data set.
        method: One of `METHODS`.
        network_size: Network size in px.
        n_patches: Largest number of patches.
        draws_mean: As in `perfect`.
    """
    import numpy as np
    import torch

    from cellbench.geometry import PAPER_SIZE
    from cellbench.patches.resize import resize_patch
    from cellbench.scores.reconstruction import reconstruction_scores
    from cellbench.suppression import build_suppression
    from cellbench.suppression.base import length_names

    native, lengths = patch_set.card.native_size, length_names(method)
    params = {
        name: value * native / PAPER_SIZE if name in lengths else value for name, value in METHODS[method].items()
    }
    suppression = build_suppression(method, params, native, network_size, 8)
    rows = patch_set.rows("pool")
    rows = rows[:: max(1, len(rows) // n_patches)][:n_patches]
    size = suppression.source_size
    source = np.zeros((len(patch_set), size, size, 3), np.uint8)  # rows that are not scored take no memory
    for row in rows:
        source[row] = resize_patch(patch_set.patches[row], size)
    return reconstruction_scores(perfect(draws_mean), suppression, patch_set, source, rows, torch.device("cpu"))


@app.command()
@user_errors
def table(
    dataset: Annotated[str, typer.Argument(help="Data set.")],
    sizes: Annotated[str, typer.Option(help="Network sizes in px, separated by commas.")] = SIZES,
    patches: Annotated[int, typer.Option(min=1, help="Largest number of patches of the pool to score.")] = 16,
) -> None:
    """Show the scores of a perfect auto-encoder for every method and network size."""
    from rich.table import Table

    from bench.study.datasets import open_studied

    patch_set = open_studied(dataset)
    shown = Table(box=None, pad_edge=False)
    for name in ("method", "network px", "l1_core", "l1_core_native", "l1", "mean colour"):
        shown.add_column(name, justify="left" if name == "method" else "right")
    for method in METHODS:
        for size in map(int, sizes.split(",")):
            found = perfect_scores(patch_set, method, size, patches)
            flat = perfect_scores(patch_set, method, size, patches, draws_mean=True)
            values = (found["val/l1_core"], found["val/l1_core_native"], found["val/l1"], flat["val/l1_core"])
            shown.add_row(method, str(size), *(f"{value:.4f}" for value in values))
    console().print(shown)


if __name__ == "__main__":
    app()
