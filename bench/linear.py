"""The linear curve: what principal components of the masked patch are worth at each radius, in seconds."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

N_COMPONENTS = 64


def linear_curve(
    patch_set: "PatchSet", radii: Sequence[float], shape: str, size: int, n_components: int = N_COMPONENTS
) -> Iterator[float]:
    """Yield the macro F1 that the probe reaches on the masked patch's principal components, a radius after the other.

    Components are those of the pool, scores those of the labelled patches; the holdout is not looked at.

    Args:
        patch_set: The data set.
        radii: r_max in native px.
        shape: Shape of the mask; its weights are divided by their mean.
        size: Network size in px.
        n_components: Number of components.
    """
    import torch

    from bench.home.paths import cache_dir
    from cellbench.training.configuration import TrainingSettings
    from cellbench.scores.floors import floor_rows, principal_components
    from cellbench.suppression import build_suppression

    native, views = patch_set.card.native_size, TrainingSettings().views
    patches, rows = patch_set.resized(size, cache_dir()), floor_rows(patch_set)
    for radius in radii:
        params = {"r_max": radius, "shape": shape, "normalize": True}
        mask = build_suppression("mask_fixed", params, native, size, 1)
        weights = mask.weights(torch.zeros(1, 1), size, None).map[0, 0].numpy()
        yield principal_components("pca_masked", patches, rows, mask, views, weights, n_components).f1_macro
