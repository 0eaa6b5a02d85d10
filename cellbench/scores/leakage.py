"""Leakage: the share of the latent's movement that comes from the surroundings, found by exchanging them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cellbench.geometry import centre_distance
from cellbench.scores.base import SCORES, EncodedCells, Metric, Score, ScoreContext

if TYPE_CHECKING:
    from torch import Tensor

FEATHER = 3.0
"""Width in native px of the seam between a cell and its exchanged surroundings."""
N_CELLS = 256
"""Unseen cells that leakage is computed from."""


def partners(groups: np.ndarray, ring_colour: np.ndarray) -> np.ndarray:
    """Return a partner for each patch: the nearest in ring colour of its group, or of all where it is alone in it.

    Args:
        groups: Group codes, shape (N,).
        ring_colour: Mean colour of each patch's outer ring, shape (N, 3).

    Returns:
        Positions, shape (N,). No patch is its own partner.
    """
    distance = ((ring_colour[:, None] - ring_colour[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    same = groups[:, None] == groups[None]
    np.fill_diagonal(same, False)
    alone = ~same.any(axis=1)
    return np.asarray(np.where(same | alone[:, None], distance, np.inf).argmin(axis=1))


def exchange(patches: Tensor, others: Tensor, radius: Tensor, feather: float) -> Tensor:
    """Return `patches` inside a centred disc and `others` outside it.

    Args:
        patches: Any value range, shape (B, 3, S, S).
        others: Same range and shape.
        radius: Radius of each disc in px of these patches, shape (B,).
        feather: Width of the seam in px of these patches, half of it on either side of the radius.
    """
    distance = centre_distance(patches.shape[-1], device=patches.device)
    inside = ((radius[:, None, None] - distance) / feather + 0.5).clamp(0, 1)[:, None]
    return inside * patches + (1 - inside) * others


class Transplanted(NamedTuple):
    """Patches and their partners after an exchange of surroundings; uint8, shape (N, S, S, 3).

    Attributes:
        here: Each cell in the surroundings of its partner.
        there: The partner's cell in the surroundings of each patch.
    """

    here: np.ndarray
    there: np.ndarray


def transplanted(patches: np.ndarray, groups: np.ndarray, radius_px: np.ndarray, native_size: int) -> Transplanted:
    """Exchange surroundings between partners, outside the disc of the larger of their two cells.

    Args:
        patches: uint8, shape (N, S, S, 3), at least two.
        groups: Group codes, shape (N,).
        radius_px: Radius of each cell in native px, shape (N,).
        native_size: Side in px of the data set's patches; the seam is 3 px wide at this size.
    """
    other, scale = partners(groups, _ring_colour(patches)), patches.shape[1] / native_size
    radius = np.maximum(radius_px, radius_px[other]) * scale
    return Transplanted(
        _mixed(patches, patches[other], radius, FEATHER * scale),
        _mixed(patches[other], patches, radius, FEATHER * scale),
    )


def leakage(cells: EncodedCells) -> float:
    """Return the share of the latent's movement that exchanged surroundings cause.

    Patches A and B exchange what lies outside the disc of the larger of their two cells, feathered over 3 native px.
    With s = ‖z(A with B's surroundings) − z(A)‖² and c = ‖z(B with A's surroundings) − z(A)‖²,
    leakage = Σs / (Σs + Σc), where z is the posterior mean.

    Args:
        cells: Cells and their encoder.

    Returns:
        A value in 0–1: 0 where surroundings do not move the latent, 0.5 where they move it as much as the cell does.
        NaN for fewer than two cells, and for a collapsed latent, which does not move.
    """
    if len(cells.rows) < 2:
        return float("nan")
    patches = cells.patches
    here, there = transplanted(patches, cells.groups, cells.radius_px, cells.native_size)
    z, z_surroundings, z_cell = (cells.embed(images) for images in (patches, here, there))
    moved_by_surroundings = float(((z_surroundings - z) ** 2).sum())
    moved_by_cell = float(((z_cell - z) ** 2).sum())
    total = moved_by_surroundings + moved_by_cell
    spread = float(((z - z.mean(axis=0)) ** 2).sum())
    return moved_by_surroundings / total if total > 1e-9 and spread > 1e-9 else float("nan")


@SCORES.register("leakage", "share of the latent's movement that exchanged surroundings cause")
class Leakage(Score):
    """Leakage of unseen cells, at the end of a trial."""

    moments = ("end",)
    metrics = (
        Metric(
            "latent/leakage", "end", "min", "0–1", "leakage of the surroundings into the latent", "leakage",
            listed=True, mean_over="folds",
        ),
    )  # fmt: skip
    order = 40

    def compute(self, context: ScoreContext) -> dict[str, float]:
        """Return `latent/leakage`; nothing where no cell of known size is unseen."""
        cells = context.unseen_cells(N_CELLS)
        return {} if cells is None else {"latent/leakage": leakage(cells)}


def _ring_colour(patches: np.ndarray) -> np.ndarray:
    size = patches.shape[1]
    axis = np.arange(size) - (size - 1) / 2
    ring = np.hypot(axis[:, None], axis[None]) > 0.4 * size
    return patches[:, ring].mean(axis=1)


def _mixed(patches: np.ndarray, others: np.ndarray, radius: np.ndarray, feather: float) -> np.ndarray:
    import torch

    def as_tensor(images: np.ndarray) -> Tensor:
        return torch.from_numpy(images).permute(0, 3, 1, 2).float()

    mixed = exchange(as_tensor(patches), as_tensor(others), torch.from_numpy(radius).float(), max(feather, 1e-3))
    return mixed.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
