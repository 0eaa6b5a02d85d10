"""Bring slides of different magnification to one, so that one radius fits all of them.

The cell radius of each group is estimated without labels. Each group is then magnified until its cells are as large as
those of the groups with the largest cells. The error of a group's estimate, a few percent, remains. No group is made
smaller, because that would need surroundings that the patch does not show.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.patches import PatchSet, PatchWriter
from cellbench.patches.resize import resize_patch
from cellbench.radius.estimate import GROUP_SIZE, UNLIKE_GROUPS, radius_of_group

PER_GROUP = 300
"""Largest number of patches of a group that its radius is estimated from."""
TARGET_QUANTILE = 0.9
"""Quantile of the groups' radii that all groups are brought to. It ignores a few groups whose estimate is too large."""


@dataclass(frozen=True)
class GroupScales:
    """The cell radius and the scale of each group of a data set; the order is that of `PatchSet.groups`.

    Attributes:
        radius_px: Estimated cell radius of each group, native px, shape (G,). NaN where it cannot be estimated.
        scale: Factor by which each group is magnified, 1 or more, shape (G,). NaN where the radius is NaN.
        target_px: Radius that the groups are brought to, native px. A few groups have larger cells and keep them.
    """

    radius_px: NDArray[np.float64]
    scale: NDArray[np.float64]
    target_px: float

    @property
    def differ(self) -> bool:
        """Whether the radii of the groups differ by more than those of slides of one magnification."""
        known = self.radius_px[np.isfinite(self.radius_px)]
        low, middle, high = np.quantile(known, (0.1, 0.5, 0.9))
        return bool(high - low > UNLIKE_GROUPS * middle)


def find_group_scales(patch_set: PatchSet) -> GroupScales:
    """Return the cell radius and the scale of each group of a data set.

    Groups of the holdout are included. Each group is estimated from its own patches alone and without labels, like a
    new slide.

    Args:
        patch_set: The data set.

    Raises:
        DataError: No group has 20 patches from which a radius can be estimated.
    """
    groups = patch_set.groups()
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    radius = np.array([radius_of_group(patch_set, rows[:PER_GROUP]) for rows in members])
    if not np.isfinite(radius).any():
        raise DataError(
            f"The groups of {patch_set.card.name} cannot be brought to one magnification: no slide or patient has "
            f"{GROUP_SIZE} patches or more from which a radius can be estimated. If the groups are unknown, add the "
            "data set again with --group-pattern."
        )
    target = float(np.nanquantile(radius, TARGET_QUANTILE, method="higher"))
    return GroupScales(radius, np.maximum(target / radius, 1), target)


def write_rescaled(
    patch_set: PatchSet,
    scales: GroupScales,
    directory: Path,
    name: str,
    *,
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PatchSet:
    """Write a copy of a data set in which all groups have one magnification; classes, groups and roles stay the same.

    Args:
        patch_set: The data set.
        scales: Result of `find_group_scales`. Groups without a scale are left out of the copy.
        directory: Folder of the copy.
        name: Name of the copy.
        replace: Whether an existing folder may be replaced.
        progress: Called after every patch with the number of patches written and their total number.

    Returns:
        The copy.

    Raises:
        DataError: Fewer than two classes of the copy can be scored.
        StoreError: The folder exists, or the disk does not have enough space.
    """
    card, size = patch_set.card, patch_set.card.native_size
    scale = scales.scale[patch_set.groups()]
    rows = np.flatnonzero(np.isfinite(scale))
    scale = scale[rows]
    index = patch_set.index.iloc[rows].drop(columns="content_hash").reset_index(drop=True)
    index["radius_px"] = index["radius_px"] * scale
    for side, box in zip(("top", "left", "bottom", "right"), patch_set.valid_box(rows).T, strict=True):
        inwards = np.ceil if side in ("top", "left") else np.floor
        index[f"valid_{side}"] = np.clip(inwards((box - size / 2) * scale + size / 2), 0, size).astype(int)
    n_groups = int(np.isfinite(scales.scale).sum())
    remarks = f"{card.notes} Each of {n_groups} groups was magnified to a cell radius of {scales.target_px:.1f} px."
    if len(rows) < len(patch_set):
        remarks += f" {len(patch_set) - len(rows)} patches of groups without a radius estimate were left out."
    left = set(index["label"].dropna())
    with PatchWriter(Path(directory), len(rows), size, patch_set.masks is not None, replace) as writer:
        for done, (row, magnification) in enumerate(zip(rows, scale, strict=True)):
            mask = None
            if patch_set.masks is not None:
                mask = resize_patch(patch_set.masks[row] * np.uint8(255), size, magnification) > 127
            writer.add(resize_patch(patch_set.patches[row], size, magnification), mask)
            progress(done + 1, len(rows))
        return writer.finish(
            index,
            name=name,
            seed=card.seed,
            classes=[*card.classes, *card.unscored_classes],
            version=card.version,
            licence=card.licence,
            citation=card.citation,
            source=card.source,
            groups_known=card.groups_known,
            origin=card.origin or card.fingerprint,
            class_order=[one for one in card.class_order if left.issuperset(one)],
            class_frequencies={name: value for name, value in card.class_frequencies.items() if name in left},
            notes=remarks.strip(),
        )
