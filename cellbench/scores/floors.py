"""Floors: representations that need no training. A method is useful only where it scores higher than they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cellbench.scores.classification import ProbeScores, cross_validate
from cellbench.training.configuration import Configuration, TrainingSettings

if TYPE_CHECKING:
    import torch

    from cellbench.patches.patchset import PatchSet
    from cellbench.suppression import Suppression

N_COMPONENTS = 64


@dataclass(frozen=True)
class Floor:
    """Embeddings of one floor and their scores.

    Attributes:
        name: `random`, `pca` or `pca_masked`.
        labelled: Embeddings of the labelled patches, shape (N, D).
        holdout: Embeddings of the holdout, shape (M, D).
        scores: Cross-validated scores on the labelled patches, one for each seed; PCA has no seed and one entry.
    """

    name: str
    labelled: list[np.ndarray]
    holdout: list[np.ndarray]
    scores: list[ProbeScores]

    @property
    def f1_macro(self) -> float:
        """Mean macro F1."""
        return float(np.mean([score.f1_macro for score in self.scores]))

    @property
    def f1_std(self) -> float:
        """Standard deviation over seeds; for a floor without seeds, over the probe's folds."""
        if len(self.scores) > 1:
            return float(np.std([score.f1_macro for score in self.scores], ddof=1))
        return self.scores[0].f1_std


@dataclass(frozen=True)
class FloorRows:
    """Rows that a floor is fitted on and scored on.

    Attributes:
        pool: Rows that PCA is fitted on.
        labelled: Rows that are scored.
        holdout: Rows that are embedded for the final score.
        labels: Class codes of the labelled rows.
        groups: Group codes of the labelled rows.
        n_classes: Length of the fixed list of classes.
    """

    pool: np.ndarray
    labelled: np.ndarray
    holdout: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    n_classes: int


def floor_rows(patch_set: PatchSet) -> FloorRows:
    """Return the rows of a data set that floors are fitted on and scored on."""
    labelled = patch_set.rows("labelled")
    return FloorRows(
        pool=patch_set.rows("pool"),
        labelled=labelled,
        holdout=patch_set.rows("holdout"),
        labels=patch_set.labels(labelled),
        groups=patch_set.groups(labelled),
        n_classes=len(patch_set.card.classes),
    )


def untrained(
    patches: np.ndarray,
    rows: FloorRows,
    settings: TrainingSettings,
    native_size: int,
    device: torch.device,
    seeds: Sequence[int],
) -> Floor:
    """Return the floor of the untrained encoder, from each seed, with its residual branches opened.

    Args:
        patches: uint8 at the network size S, shape (N, S, S, 3).
        rows: Rows to embed and to score.
        settings: Settings of the search: encoder, network size, views and representation.
        native_size: Side in px of the data set's patches.
        device: Device that computes.
        seeds: Seeds of the initial weights.
    """
    from cellbench.models.encoder import open_residual_branches
    from cellbench.training.embedding import embed, sample_generator
    from cellbench.training.trainer import build

    labelled: list[np.ndarray] = []
    holdout: list[np.ndarray] = []
    sampled = settings.representation == "sample"
    for seed in seeds:
        model, suppression = build(Configuration(method="vae"), settings, native_size, seed)
        open_residual_branches(model.encoder)
        model.to(device)
        for which, found in ((rows.labelled, labelled), (rows.holdout, holdout)):
            generator = sample_generator(seed, which, device) if sampled else None
            found.append(embed(model, suppression, patches, which, device, generator, settings.views))
    return _floor("random", labelled, holdout, rows)


def principal_components(
    name: str,
    patches: np.ndarray,
    rows: FloorRows,
    suppression: Suppression,
    views: int,
    weight_map: np.ndarray | None = None,
    n_components: int = N_COMPONENTS,
) -> Floor:
    """Return the floor of the leading principal components of what a suppression shows of each patch.

    Args:
        name: `pca` or `pca_masked`.
        patches: uint8 at the suppression's source size S, shape (N, S, S, 3).
        rows: PCA is fitted on the pool and scored on the labelled rows.
        suppression: Selects what an encoder would see; its crop is the floor's crop.
        views: Symmetries of the square that an embedding is the mean of, as for trained encoders.
        weight_map: Factor on each pixel, shape (view_size, view_size); None for 1.
        n_components: Number of components.
    """
    import torch
    from sklearn.decomposition import PCA

    from cellbench.training.augment import symmetries
    from cellbench.training.embedding import BATCH_SIZE, batches, evaluation

    factor = np.float32(1) if weight_map is None else weight_map.astype(np.float32)

    def features(which: np.ndarray, n_views: int) -> np.ndarray:
        found = np.empty((len(which), 3 * suppression.view_size**2), np.float32)
        with evaluation(suppression), torch.no_grad():
            for number, batch in enumerate(batches(patches, which, torch.device("cpu"))):
                shown = symmetries(suppression.view(batch, None, training=False)[0], n_views)
                # The mean over views of a linear map is the map of their mean.
                seen = torch.stack(list(shown)).mean(dim=0).numpy() * factor
                found[number * BATCH_SIZE : number * BATCH_SIZE + len(batch)] = seen.reshape(len(batch), -1)
        return found

    pool = features(rows.pool, 1)
    model = PCA(min(n_components, *pool.shape), svd_solver="randomized", random_state=0).fit(pool)
    parts = [model.transform(features(which, views)) if len(which) else None for which in (rows.labelled, rows.holdout)]
    labelled, holdout = (np.empty((0, model.n_components_)) if part is None else part for part in parts)
    return _floor(name, [labelled], [holdout], rows)


def _floor(name: str, labelled: list[np.ndarray], holdout: list[np.ndarray], rows: FloorRows) -> Floor:
    scores = [cross_validate(each, rows.labels, rows.groups, rows.n_classes) for each in labelled]
    return Floor(name, labelled, holdout, scores)


def linear_curve(
    patch_set: PatchSet,
    radii: Sequence[float],
    shape: str,
    size: int,
    cache_dir: Path,
    n_components: int = N_COMPONENTS,
) -> Iterator[float]:
    """Yield the macro F1 of the probe on principal components of the masked patch, for one radius after the other.

    PCA is fitted on the pool and scored on the labelled patches. The holdout is not used.

    Args:
        patch_set: The data set.
        radii: Radii r_max in native px.
        shape: Shape of the mask, whose weights are divided by their mean.
        size: Network size in px.
        cache_dir: Folder of resized copies.
        n_components: Number of components.
    """
    params: dict[str, str | bool] = {"shape": shape, "normalize": True}
    views = TrainingSettings().views
    for floor in masked_floors(patch_set, radii, params, size, views, cache_dir, n_components):
        yield floor.f1_macro


def masked_floors(
    patch_set: PatchSet,
    radii: Sequence[float],
    params: Mapping[str, str | bool],
    size: int,
    views: int,
    cache_dir: Path,
    n_components: int = N_COMPONENTS,
) -> Iterator[Floor]:
    """Yield the floor `pca_masked` for one radius of the mask after the other.

    Args:
        patch_set: The data set.
        radii: Radii r_max in native px.
        params: Hyperparameters of `mask_fixed` other than r_max.
        size: Network size in px.
        views: Symmetries of the square that an embedding is the mean of.
        cache_dir: Folder of resized copies.
        n_components: Number of components.
    """
    import torch

    from cellbench.suppression import build_suppression

    native = patch_set.card.native_size
    patches, rows = patch_set.resized(size, cache_dir), floor_rows(patch_set)
    for radius in radii:
        mask = build_suppression("mask_fixed", {"r_max": radius, **params}, native, size, 1)
        weights = mask.weights(torch.zeros(1, 1), size, None).map[0, 0].numpy()
        yield principal_components("pca_masked", patches, rows, mask, views, weights, n_components)
