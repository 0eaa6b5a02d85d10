"""The linear curve: macro F1 of principal components of the masked patch over the radius of the mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cellbench.floors.base import CellRadius, FloorContext, FloorMask
from cellbench.floors.cached_floor import CachedFloor
from cellbench.floors.components import N_COMPONENTS
from cellbench.floors.pca_masked import MaskedPca

if TYPE_CHECKING:
    from cellbench.patches.patchset import PatchSet
    from cellbench.training.configuration import Configuration


def linear_curve(
    patch_set: PatchSet,
    radii: Sequence[float],
    shape: str,
    size: int,
    cache_dir: Path,
    probe: str,
    n_components: int = N_COMPONENTS,
) -> Iterator[float]:
    """Yield the macro F1 of the probe on principal components of the masked patch, for one radius after the other.

    PCA is fitted on the pool and scored on the labelled patches. The holdout is not used.

    Args:
        patch_set: The data set.
        radii: Radii r_max in native px.
        shape: Shape of the mask, whose weights are divided by their mean.
        size: Network size in px.
        cache_dir: Folder of the cache.
        probe: Name of the probe.
        n_components: Number of components.
    """
    from cellbench.training.configuration import Configuration

    for radius in radii:
        params: dict[str, float | bool | str] = {"r_max": radius, "shape": shape, "normalize": True}
        yield linear_score(
            patch_set, Configuration(method="mask_fixed", params=params), size, cache_dir, probe, n_components
        )


def linear_score(
    patch_set: PatchSet,
    configuration: Configuration,
    size: int,
    cache_dir: Path,
    probe: str,
    n_components: int = N_COMPONENTS,
) -> float:
    """Return the macro F1 of the probe on principal components of the patches as a method shows them.

    They are means over eight views, without the standard deviation that the floor `pca_masked` adds.

    Args:
        patch_set: The data set. The holdout is not used.
        configuration: Method and hyperparameters, lengths in native px.
        size: Network size in px.
        cache_dir: Folder of the cache.
        probe: Name of the probe.
        n_components: Number of components.
    """
    from cellbench.training.configuration import TrainingSettings

    settings = TrainingSettings(network_size=size)
    radius = CellRadius(None, "the linear curve does not use it")
    context = FloorContext(patch_set.card.native_size, settings, (0,), radius, FloorMask(configuration))
    floor = MaskedPca(context, n_components, spread=False)
    return CachedFloor("pca_masked", floor, patch_set, (0,), cache_dir).f1_macro(probe)
