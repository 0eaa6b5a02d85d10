"""How much of a latent is the surroundings: swap them between patches and see how far the latent moves."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cellbench.models import AutoEncoder
from cellbench.suppression import Suppression
from cellbench.training.embedding import embed

FEATHER = 3.0
"""Width in px of the seam between a cell and foreign surroundings, in px of a 256 px patch or less."""


def partners(groups: np.ndarray, ring_colour: np.ndarray) -> np.ndarray:
    """Return a partner for each patch: the one nearest in ring colour of its own group, else of all.

    Args:
        groups: Group codes, shape (N,).
        ring_colour: Mean colour of each patch's outer ring, shape (N, 3).

    Returns:
        Positions, shape (N,); never a patch's own.
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
        patches: Values in 0–1, shape (B, 3, S, S).
        others: Same shape.
        radius: Radius of each disc in px of these patches, shape (B,).
        feather: Width of the seam in px of these patches.
    """
    from cellbench.geometry import centre_distance

    distance = centre_distance(patches.shape[-1], device=patches.device)
    inside = ((radius[:, None, None] - distance) / feather + 0.5).clamp(0, 1)[:, None]
    return inside * patches + (1 - inside) * others


class Transplanted(NamedTuple):
    """Patches and their partners after both exchanged what lies outside their cells; uint8, shape (N, S, S, 3).

    Attributes:
        here: Each cell among the surroundings of its partner.
        there: The partner's cell among the surroundings of each.
    """

    here: np.ndarray
    there: np.ndarray


def transplanted(patches: np.ndarray, groups: np.ndarray, radius_px: np.ndarray, native_size: int) -> Transplanted:
    """Exchange surroundings between partners, outside the disc of the larger of the two cells, feathered over 3 px.

    Args:
        patches: uint8, shape (N, S, S, 3); at least two.
        groups: Group codes, shape (N,).
        radius_px: Radius of each cell in native px, shape (N,).
        native_size: Side in px of the data set's patches, of which the 3 px are.
    """
    other, scale = partners(groups, _ring_colour(patches)), patches.shape[1] / native_size
    radius = np.maximum(radius_px, radius_px[other]) * scale
    return Transplanted(
        _mixed(patches, patches[other], radius, FEATHER * scale),
        _mixed(patches[other], patches, radius, FEATHER * scale),
    )


def leakage(
    model: AutoEncoder,
    suppression: Suppression,
    source: np.ndarray,
    rows: np.ndarray,
    groups: np.ndarray,
    radius_px: np.ndarray,
    native_size: int,
    device: torch.device,
) -> float:
    """Return the share of the latent's movement that foreign surroundings cause: 0 none, 0.5 as much as the cell.

    Patches A and B exchange what lies outside the disc of the larger of their two cells, feathered over 3 native px.
    With s = ‖z(A with B's surroundings) − z(A)‖² and c = ‖z(B with A's surroundings) − z(A)‖²,
    leakage = Σs / (Σs + Σc). NaN for a collapsed latent, which does not move at all.

    Args:
        model: The auto-encoder; z is its μ.
        suppression: Its suppression.
        source: uint8, shape (N, S, S, 3), S the suppression's source size.
        rows: Rows to use; at least two.
        groups: Group codes of these rows, shape (len(rows),).
        radius_px: Radius of each of these cells in native px, shape (len(rows),).
        native_size: Side in px of the data set's patches.
        device: Where to compute.
    """
    if len(rows) < 2:
        return float("nan")
    patches = np.ascontiguousarray(source[rows])
    here, there = transplanted(patches, groups, radius_px, native_size)
    z, z_surroundings, z_cell = (
        embed(model, suppression, images, np.arange(len(rows)), device) for images in (patches, here, there)
    )
    moved_by_surroundings = float(((z_surroundings - z) ** 2).sum())
    moved_by_cell = float(((z_cell - z) ** 2).sum())
    total = moved_by_surroundings + moved_by_cell
    spread = float(((z - z.mean(axis=0)) ** 2).sum())
    return moved_by_surroundings / total if total > 1e-9 and spread > 1e-9 else float("nan")


def _ring_colour(patches: np.ndarray) -> np.ndarray:
    size = patches.shape[1]
    axis = np.arange(size) - (size - 1) / 2
    ring = np.hypot(axis[:, None], axis[None]) > 0.4 * size
    return patches[:, ring].mean(axis=1)


def _mixed(patches: np.ndarray, others: np.ndarray, radius: np.ndarray, feather: float) -> np.ndarray:
    def as_tensor(images: np.ndarray) -> Tensor:
        return torch.from_numpy(images).permute(0, 3, 1, 2).float()

    mixed = exchange(as_tensor(patches), as_tensor(others), torch.from_numpy(radius).float(), max(feather, 1e-3))
    return mixed.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
