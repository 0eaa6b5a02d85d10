"""Statistics of small images: principal components, probe scores, and rings around the centre."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32
"""Side of the patches in the comparison, px."""
N_COMPONENTS = 64
"""Number of principal components."""
RING_STEP_PX = 8.0
"""Width of a ring, in px of a 256 px patch."""
DISC_PX = 20.0
"""Radius of the centre disc that predicts the rings, in px of a 256 px patch."""

Images = NDArray[np.float32]


def shrink(patches: Iterable[NDArray[np.uint8]]) -> Images:
    """Return patches shrunk to `SIDE` px by area means.

    Args:
        patches: uint8, each H × H × 3, of any side H.

    Returns:
        float32, 0–1, shape (N, SIDE, SIDE, 3).
    """
    from PIL import Image

    small = [
        np.asarray(Image.fromarray(patch).resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32) / 255
        for patch in patches
    ]
    return np.stack(small)


def shrink_masks(masks: Iterable[NDArray[np.uint8]]) -> Images:
    """Return masks shrunk to `SIDE` px: the share of each pixel that the mask covers.

    Args:
        masks: uint8, 0 or 1, each H × H, of any side H.

    Returns:
        float32, 0–1, shape (N, SIDE, SIDE).
    """
    from PIL import Image

    small = [
        np.asarray(Image.fromarray(mask * 255).resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32) / 255
        for mask in masks
    ]
    return np.stack(small)


def _grid(side: int) -> NDArray[np.float64]:
    """Return the distance of each pixel from the patch centre, in px of a 256 px patch, shape (side, side)."""
    axis = (np.arange(side) - (side - 1) / 2) * 256 / side
    return np.hypot(axis[:, None], axis[None, :])


def disc_weights(n: int, radius: float) -> Images:
    """Return the weights of a centred disc for each patch.

    Args:
        n: Number of patches.
        radius: Radius of the disc in px of a 256 px patch.

    Returns:
        float32, 0 or 1, shape (n, SIDE, SIDE).
    """
    return np.broadcast_to((_grid(SIDE) <= radius).astype(np.float32), (n, SIDE, SIDE))


def pca_features(images: Images, weights: Images | None = None) -> NDArray[np.float64]:
    """Return the first 64 principal components of the patches.

    Args:
        images: Patches, 0–1, shape (N, SIDE, SIDE, 3).
        weights: Weight of each pixel, 0–1, shape (N, SIDE, SIDE). A pixel of weight 0 becomes the mean colour.

    Returns:
        Components, shape (N, 64), or fewer for a small N.
    """
    from sklearn.decomposition import PCA

    if weights is not None:
        mean = images.mean(axis=(0, 1, 2))
        images = mean + (images - mean) * weights[..., None]
    flat = images.reshape(len(images), -1)
    n_components = min(N_COMPONENTS, len(flat) - 1)
    return np.asarray(PCA(n_components, svd_solver="randomized", random_state=0).fit_transform(flat), dtype=np.float64)


def probe_f1(
    features: NDArray[np.float64], labels: NDArray[Any], groups: NDArray[Any], probe: str = "linear", seed: int = 0
) -> tuple[float, dict[str, float]]:
    """Return macro F1 of a probe over five folds that split no group, and the F1 of each class.

    Args:
        features: Features, shape (N, F).
        labels: Class of each patch, shape (N,).
        groups: Group of each patch, shape (N,).
        probe: `linear` (logistic regression) or `mlp`.
        seed: Seed of the folds and of the `mlp` probe.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    predicted = np.empty_like(labels)
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(features, labels, groups):
        head = (
            LogisticRegression(C=0.03, max_iter=3000)
            if probe == "linear"
            else MLPClassifier((128, 64), alpha=1.0, early_stopping=True, max_iter=300, random_state=seed)
        )
        model = make_pipeline(StandardScaler(), head).fit(features[train], labels[train])
        predicted[test] = model.predict(features[test])
    names = sorted(set(labels.tolist()))
    each = f1_score(labels, predicted, labels=names, average=None, zero_division=0)
    return float(np.mean(each)), {str(name): float(f1) for name, f1 in zip(names, each, strict=True)}


def ring_table(images: Images, groups: NDArray[Any], control_tint: bool = True) -> list[dict[str, float]]:
    """Return statistics of rings around the centre: mean colour, spread between and within patches, and R².

    R² is that of a ridge regression from ten principal components of the centre disc to the mean colour and the spread
    of the ring (six numbers), over five folds that split no group.

    Args:
        images: Patches, 0–1, shape (N, SIDE, SIDE, 3).
        groups: Group of each patch, shape (N,).
        control_tint: Whether to subtract the mean of each group before the regression.

    Returns:
        A row for each ring, ascending by distance. Colours and spreads are 0–255, distances px of a 256 px patch.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    distance = _grid(SIDE)
    disc = images[:, distance <= DISC_PX].reshape(len(images), -1)
    features = _without_group_means(disc, groups) if control_tint else disc
    features = PCA(min(10, features.shape[1], len(features) - 1), random_state=0).fit_transform(features)
    rows = []
    for low in np.arange(0.0, 128.0, RING_STEP_PX):
        ring = images[:, (distance >= low) & (distance < low + RING_STEP_PX)]
        if ring.shape[1] < 4:
            continue
        mean, spread = ring.mean(axis=1), ring.std(axis=1)
        target = np.concatenate([mean, spread], axis=1)
        if control_tint:
            target = _without_group_means(target, groups)
        model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 7)))
        guess = cross_val_predict(model, features, target, groups=groups, cv=GroupKFold(5))
        red, green, blue = (mean.mean(axis=0) * 255).tolist()
        rows.append(
            {
                "distance": low + RING_STEP_PX / 2,
                "red": red,
                "green": green,
                "blue": blue,
                "between": float(mean.std(axis=0).mean() * 255),
                "within": float(spread.mean() * 255),
                "r2": float(r2_score(target, guess, multioutput="variance_weighted")),
            }
        )
    return rows


def _without_group_means(values: NDArray[Any], groups: NDArray[Any]) -> NDArray[Any]:
    """Return values minus the mean of their group. Groups of fewer than three use the mean of all values."""
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, codes, values)
    means = np.where(counts[:, None] >= 3, sums / counts[:, None], values.mean(axis=0))
    return np.asarray(values - means[codes])
