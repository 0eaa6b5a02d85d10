"""Reconstruction of unseen patches: L1 and SSIM of the whole patch, inside the cell, and in one common disc."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cellbench.geometry import PAPER_SIZE, disc, resampling, square
from cellbench.scores.base import SCORES, Metric, Score, ScoreContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cellbench.models import AutoEncoder
    from cellbench.patches.patchset import PatchSet
    from cellbench.suppression import Suppression

CORE_RADIUS = 44 / PAPER_SIZE
"""Radius of the disc that fits into the smallest crop, as a share of the patch's side."""

COMMON_SIZE = 32
"""Side in px of the patch at which methods and network sizes are compared."""

BATCH_SIZE = 32
N_PATCHES_EACH_EPOCH = 16
N_PATCHES_AT_END = 128


def reconstruct(model: AutoEncoder, suppression: Suppression, source: Tensor, native: Tensor) -> Tensor:
    """Return the native patches with the reconstruction in place of the window that the encoder saw.

    Args:
        model: The auto-encoder, in evaluation mode.
        suppression: Its suppression, which selects what the encoder sees.
        source: Patches with values in 0–1 at the suppression's source size S, shape (B, 3, S, S).
        native: The same patches at the native size H, values in 0–1, shape (B, 3, H, H).

    Returns:
        Values in 0–1, shape (B, 3, H, H). Outside the suppression's window they equal `native`.
    """
    return placed(_view_and_drawing(model, suppression, source)[1], native, suppression.window)


def placed(drawn: Tensor, native: Tensor, window: float) -> Tensor:
    """Return the native patches with drawings in place of a centred window, which may end between two pixels.

    Args:
        drawn: Drawings of the window, values in 0–1, shape (B, 3, S, S).
        native: Patches, values in 0–1, shape (B, 3, H, H).
        window: Side of the window in native px.

    Returns:
        Values in 0–1, shape (B, 3, H, H). Pixels whose centres lie outside the window equal `native`.
    """
    import torch

    size = native.shape[-1]
    inside = torch.from_numpy(square(size, window)).to(native.device) > 0
    return torch.where(inside, resized(drawn, size, window / size), native)


def resized(drawn: Tensor, size: int, side: float = 1.0) -> Tensor:
    """Return the patch that drawings cover a centred square of, at another size; values beyond the square continue it.

    Args:
        drawn: Shape (B, 3, S, S).
        size: Side of the patch in px of the result.
        side: Side of the square as a fraction of the side of the patch.

    Returns:
        Shape (B, 3, size, size).
    """
    matrix = resampling(drawn.shape[-1], size, side).to(drawn.device)
    return matrix @ drawn @ matrix.T


def common_l1(view: Tensor, drawn: Tensor, valid: Tensor, side: float) -> tuple[Tensor, Tensor]:
    """Return the L1 distance of drawings from what they should show, at one size for all methods and network sizes.

    Both are resampled from the network size to the pixels of the patch at `COMMON_SIZE`, with the same antialiasing. A
    perfect drawing therefore scores 0 at every network size, and the detail that a network size cannot hold is in
    neither of them.

    Args:
        view: What the drawings should show, values in 0–1, shape (B, 3, S, S).
        drawn: The drawings, same range and shape.
        valid: Weight 0 of padding, else 1, shape (B, H, H).
        side: Side of the view as a fraction of the side of the patch.

    Returns:
        L1, averaged over channels, and weights 0 or 1 of the core, both of shape (B, C, C), where C is the smaller of
        `COMMON_SIZE` and H.
    """
    import torch
    from torch.nn import functional

    size = min(COMMON_SIZE, valid.shape[-1])
    l1 = (resized(drawn, size, side) - resized(view, size, side)).abs().mean(dim=1)
    # A pixel beside padding also shows some of it, because the filters are wider than a pixel.
    padding = functional.max_pool2d((resized(valid[:, None], size) < 1 - 1e-4).float(), 3, 1, padding=1)[:, 0]
    core = torch.from_numpy(disc(size, CORE_RADIUS * size)).to(valid.device)
    return l1, (1 - padding) * core


def _view_and_drawing(model: AutoEncoder, suppression: Suppression, source: Tensor) -> tuple[Tensor, Tensor]:
    view = suppression.view(source, None, training=False)
    return view[1], model.decode(model.encode(view[0]).mean).float()


def pixel_scores(native: Tensor, reconstructed: Tensor) -> tuple[Tensor, Tensor]:
    """Return the L1 distance and the SSIM of each pixel.

    SSIM is that of Wang et al., 2004, with an 11 × 11 Gaussian window.

    Args:
        native: Values in 0–1, shape (B, 3, H, H).
        reconstructed: Same range and shape.

    Returns:
        L1 and SSIM, both averaged over channels, each of shape (B, H, H).
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    _, image = structural_similarity_index_measure(
        reconstructed, native, data_range=1.0, reduction="none", return_full_image=True
    )
    return (native - reconstructed).abs().mean(dim=1), image.mean(dim=1)


def areas(patch_set: PatchSet, rows: np.ndarray, window: float) -> dict[str, np.ndarray]:
    """Return the areas that are scored, as weights; padding has weight 0 in all of them.

    Args:
        patch_set: The data set.
        rows: Rows of the patches, shape (B,).
        window: Side in native px of the centred window that the encoder sees.

    Returns:
        Weights 0 or 1, each of shape (B, H, H): `valid` is what is not padding, `whole` the window, `core_native` one
        disc that is the same for all methods, `cell` the contour or else a disc of the cell's radius. `cell` is missing
        where a radius is unknown.
    """
    size = patch_set.card.native_size
    valid = np.zeros((len(rows), size, size), np.float32)
    for area, (top, left, bottom, right) in zip(valid, patch_set.valid_box(rows), strict=True):
        area[top:bottom, left:right] = 1
    found = {
        "valid": valid,
        "whole": valid * square(size, window),
        "core_native": valid * disc(size, CORE_RADIUS * size),
    }
    radius = patch_set.radius_px(rows)
    if patch_set.masks is not None:
        found["cell"] = valid * (np.asarray(patch_set.masks[rows]) > 0)
    elif np.isfinite(radius).all():
        found["cell"] = valid * np.stack([disc(size, r) for r in radius])
    return found


def reconstruction_scores(
    model: AutoEncoder,
    suppression: Suppression,
    patch_set: PatchSet,
    source: np.ndarray,
    rows: np.ndarray,
    device: torch.device,
) -> dict[str, float]:
    """Return `val/l1`, `val/ssim`, `val/l1_cell`, `val/ssim_cell`, `val/l1_core` and `val/l1_core_native`.

    Values are in 0–1. Each score is the mean over an area of a patch, then the mean over patches. `val/l1_core` is
    computed at `COMMON_SIZE`, see `common_l1`, and compares all methods and network sizes. The others are computed at
    native size, where a small network size alone costs L1. A cell that is larger than a crop's window is scored on the
    reconstruction together with the native rest. `val/l1_core_native` compares methods of one network size.

    Args:
        model: The auto-encoder.
        suppression: Its suppression.
        patch_set: The data set.
        source: Its patches at the suppression's source size S, uint8, shape (N, S, S, 3).
        rows: Rows to score, preferably not seen in training.
        device: Device that computes.
    """
    import torch

    from cellbench.training.embedding import evaluation, to_unit

    sums: dict[str, list[float]] = {}
    with evaluation(model, suppression), torch.no_grad():
        for start in range(0, len(rows), BATCH_SIZE):
            chunk = rows[start : start + BATCH_SIZE]
            native = to_unit(patch_set.patches[chunk], device)
            view, drawn = _view_and_drawing(model, suppression, to_unit(source[chunk], device))
            l1, ssim = pixel_scores(native, placed(drawn, native, suppression.window))
            scored = {
                n: torch.from_numpy(area).to(device) for n, area in areas(patch_set, chunk, suppression.window).items()
            }
            common = common_l1(view.float(), drawn, scored.pop("valid"), suppression.window / native.shape[-1])
            sums.setdefault("val/l1_core", []).extend(_means(*common))
            for name, weights in scored.items():
                suffix = "" if name == "whole" else f"_{name}"
                sums.setdefault(f"val/l1{suffix}", []).extend(_means(l1, weights))
                if name != "core_native":
                    sums.setdefault(f"val/ssim{suffix}", []).extend(_means(ssim, weights))
    return {name: float(np.mean(values)) for name, values in sums.items() if values}


@SCORES.register("reconstruction", "L1 and SSIM of reconstructions")
class Reconstruction(Score):
    """Reconstruction of unseen patches, of few after each epoch, of more at the end of a trial."""

    moments = ("epoch", "end")
    metrics = (
        Metric("val/ssim_cell", "epoch", "max", "≤ 1", "SSIM inside the cell", "SSIM", listed=True, mean_over="folds"),
        Metric("val/l1_cell", "epoch", "min", "0–1", "L1 inside the cell", mean_over="folds"),
        # It is computed after each epoch, since a search may optimise it, and recorded in MLflow at the end.
        Metric(
            "val/l1_core", "end", "min", "0–1", "L1 in the centre disc at 32 px", "L1", listed=True, mean_over="folds"
        ),
        Metric("val/l1_core_native", "end", "min", "0–1", "L1 in the centre disc at native size", mean_over="folds"),
        Metric("val/l1", "epoch", "min", "0–1", "L1 of the window that the encoder sees"),
        Metric("val/ssim", "epoch", "max", "≤ 1", "SSIM of the window that the encoder sees"),
    )
    order = 10

    def compute(self, context: ScoreContext) -> dict[str, float]:
        """Return the scores of `reconstruction_scores`; nothing without unseen patches."""
        rows = context.unseen(N_PATCHES_EACH_EPOCH if context.moment == "epoch" else N_PATCHES_AT_END)
        return reconstruction_scores(
            context.model, context.suppression, context.patch_set, context.source, rows, context.device
        )


def _means(values: Tensor, weights: Tensor) -> Sequence[float]:
    total = weights.sum(dim=(1, 2))
    means = (values * weights).sum(dim=(1, 2)) / total.clamp_min(1)
    return means[total > 0].tolist()
