"""Slides of unlike magnification, brought to one: without it no single radius serves them all.

Each group is magnified until its cells, by their radius estimated without labels, are as large as those of the groups
with the largest; the error of a group's estimate, some percent, stays. Nothing is made smaller, since that would need
surroundings that a patch does not show.
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
"""More patches of a group than this are not looked at."""
LARGEST = 0.9
"""Quantile of the groups' radii that all are brought to: the largest but for a few that may be mistaken."""


@dataclass(frozen=True)
class GroupScales:
    """How much each group is magnified.

    Attributes:
        radius_px: Radius of each group's cells, native px, shape (G,); NaN where it cannot be told.
        zoom: Magnification of each group, 1 or more, shape (G,); NaN where the radius is.
        target_px: Radius that each group is brought to, native px; a few groups are larger and stay so.
    """

    radius_px: NDArray[np.float64]
    zoom: NDArray[np.float64]
    target_px: float

    @property
    def differ(self) -> bool:
        """Whether the groups' radii differ by more than those of slides of one magnification do."""
        known = self.radius_px[np.isfinite(self.radius_px)]
        low, middle, high = np.quantile(known, (0.1, 0.5, 0.9))
        return bool(high - low > UNLIKE_GROUPS * middle)


def find_group_scales(patch_set: PatchSet) -> GroupScales:
    """Return how much to magnify each group; the codes are those of `patch_set.groups()`.

    Groups of the holdout are looked at too, each by itself and without labels, as a new slide would be.

    Raises:
        DataError: No group has 20 patches in which a radius can be told.
    """
    groups = patch_set.groups()
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    radius = np.array([radius_of_group(patch_set, rows[:PER_GROUP]) for rows in members])
    if not np.isfinite(radius).any():
        raise DataError(
            f"The groups of {patch_set.card.name} cannot be brought to one magnification: no slide or patient has "
            f"{GROUP_SIZE} patches or more in which a radius can be told. Where groups are not known, name them when "
            "you add the data set (--group-pattern)."
        )
    target = float(np.nanquantile(radius, LARGEST, method="higher"))
    return GroupScales(radius, np.maximum(target / radius, 1), target)


def write_levelled(
    patch_set: PatchSet,
    levels: GroupScales,
    directory: Path,
    name: str,
    *,
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PatchSet:
    """Write a copy whose groups all have one magnification; classes, groups and roles stay what they are.

    Args:
        patch_set: The data set.
        levels: What `find_group_scales` says of it. Groups that it cannot tell the radius of are left out.
        directory: Folder of the copy.
        name: Its name.
        replace: Whether a folder that is there may be replaced.
        progress: Is told how many patches of how many are written.

    Raises:
        DataError: What is left has no two classes to score.
        StoreError: The folder exists, or the disk has no room.
    """
    card, size = patch_set.card, patch_set.card.native_size
    zoom = levels.zoom[patch_set.groups()]
    rows = np.flatnonzero(np.isfinite(zoom))
    zoom = zoom[rows]
    index = patch_set.index.iloc[rows].drop(columns="content_hash").reset_index(drop=True)
    index["radius_px"] = index["radius_px"] * zoom
    for side, box in zip(("top", "left", "bottom", "right"), patch_set.valid_box(rows).T, strict=True):
        inwards = np.ceil if side in ("top", "left") else np.floor
        index[f"valid_{side}"] = np.clip(inwards((box - size / 2) * zoom + size / 2), 0, size).astype(int)
    n_groups = int(np.isfinite(levels.zoom).sum())
    remarks = (
        f"{card.notes} Each of {n_groups} groups was magnified until its cells' radius was {levels.target_px:.1f} px."
    )
    if len(rows) < len(patch_set):
        remarks += f" {len(patch_set) - len(rows)} patches of groups too small to tell were left out."
    with PatchWriter(Path(directory), len(rows), size, patch_set.masks is not None, replace) as writer:
        for done, (row, times) in enumerate(zip(rows, zoom, strict=True)):
            mask = None
            if patch_set.masks is not None:
                mask = resize_patch(patch_set.masks[row] * np.uint8(255), size, times) > 127
            writer.add(resize_patch(patch_set.patches[row], size, times), mask)
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
            notes=remarks.strip(),
        )
