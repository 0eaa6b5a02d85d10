"""Reconstruction of unseen patches: L1 and SSIM of the whole patch, inside the cell, and in one common disc."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cellbench.geometry import PAPER_SIZE, disc
from cellbench.scores.base import SCORES, Metric, Score, ScoreContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cellbench.models import AutoEncoder
    from cellbench.patches.patchset import PatchSet
    from cellbench.suppression import Suppression

CORE_RADIUS = 44 / PAPER_SIZE
"""Radius of the disc that fits into the smallest crop, as a share of the patch's side."""

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
    from torch.nn import functional

    posterior = model.encode(suppression.view(source, None, training=False)[0])
    drawn = model.decode(posterior.mean).float()
    window = suppression.window
    drawn = functional.interpolate(drawn, size=window, mode="bilinear", antialias=window < drawn.shape[-1])
    placed = native.clone()
    corner = (native.shape[-1] - window) // 2
    placed[:, :, corner : corner + window, corner : corner + window] = drawn
    return placed


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


def areas(patch_set: PatchSet, rows: np.ndarray, window: int) -> dict[str, np.ndarray]:
    """Return the areas that are scored, as weights; padding has weight 0 in all of them.

    Args:
        patch_set: The data set.
        rows: Rows of the patches, shape (B,).
        window: Side in native px of the centred window that the encoder sees.

    Returns:
        Weights 0 or 1, each of shape (B, H, H): `whole` is the window, `core` one disc that is the same for all
        methods, `cell` the contour or else a disc of the cell's radius. `cell` is missing where a radius is unknown.
    """
    size = patch_set.card.native_size
    valid = np.zeros((len(rows), size, size), np.float32)
    for area, (top, left, bottom, right) in zip(valid, patch_set.valid_box(rows), strict=True):
        area[top:bottom, left:right] = 1
    seen = np.zeros((size, size), np.float32)
    corner = (size - window) // 2
    seen[corner : corner + window, corner : corner + window] = 1
    found = {"whole": valid * seen, "core": valid * disc(size, CORE_RADIUS * size)}
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
    """Return `val/l1`, `val/ssim`, `val/l1_cell`, `val/ssim_cell` and `val/l1_core` of the given patches.

    All are computed at native size on values in 0–1: the mean over each area of a patch, then the mean over patches. A
    cell that is larger than a crop's window is scored on the reconstruction together with the native rest. Only
    `val/l1_core` therefore compares methods of different windows.

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
            drawn = reconstruct(model, suppression, to_unit(source[chunk], device), native)
            l1, ssim = pixel_scores(native, drawn)
            for name, area in areas(patch_set, chunk, suppression.window).items():
                suffix = "" if name == "whole" else f"_{name}"
                weights = torch.from_numpy(area).to(device)
                sums.setdefault(f"val/l1{suffix}", []).extend(_means(l1, weights))
                if name != "core":
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
        Metric("val/l1_core", "end", "min", "0–1", "L1 in the centre disc", "L1", listed=True, mean_over="folds"),
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
