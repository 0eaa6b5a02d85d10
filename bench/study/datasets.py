"""Marrow data sets with a known true radius: four magnifications, a mixture, and the mixture at one magnification."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cellbench.marrow import MarrowSpec
    from cellbench.patches import PatchSet

SIZE = 128
"""Native size of the patches in px. The radii below are px of a 256 px patch, as in the paper."""
N_PATCHES, N_SLIDES = 2000, 25
RADII = (30, 50, 70, 100)
MIXED = (35, 90)
"""True median radii of the two halves of the mixture, whose slides have two magnifications."""
LEVEL = "marrow-mixed-level"
"""Name of the mixture whose slides were brought to one magnification without labels."""
NAMES = (*(f"marrow-r{radius}" for radius in RADII), "marrow-mixed", LEVEL)


def open_studied(name: str) -> "PatchSet":
    """Open a data set of the home by name. A marrow data set of this module is drawn on first use.

    Args:
        name: One of `NAMES`, a built-in data set, or a data set that was added.

    Raises:
        NotFoundError: The name is unknown.
        DataError: The folder of the data set is damaged.
    """
    from bench.home.datasets import open_dataset
    from bench.home.paths import datasets_dir
    from cellbench.disk import file_lock

    path = datasets_dir() / name
    if name in NAMES:
        with file_lock(datasets_dir() / f".{name}.lock"):
            if not path.exists():
                _draw(name, path)
    return open_dataset(name)


def open_studied_if_known(name: str) -> "PatchSet | None":
    """Return the data set of `open_studied`, or None if the home does not have it."""
    from cellbench.errors import NotFoundError

    try:
        return open_studied(name)
    except NotFoundError:
        return None


def _draw(name: str, path: Path) -> None:
    from cellbench.marrow import MarrowSpec, write_marrow
    from cellbench.radius.magnification import find_group_scales, write_rescaled

    def spec(radius: int, n_patches: int, n_slides: int, seed: int) -> MarrowSpec:
        return MarrowSpec(
            n_patches=n_patches, n_slides=n_slides, size=SIZE, median_radius_px=radius * SIZE / 256, seed=seed
        )

    if name == LEVEL:
        mixture = open_studied("marrow-mixed")
        write_rescaled(mixture, find_group_scales(mixture), path, name)
    elif name != "marrow-mixed":
        radius = int(name.removeprefix("marrow-r"))
        write_marrow(path, spec(radius, N_PATCHES, N_SLIDES, 1), name, f"True median radius {radius} px of 256.", 2)
    else:
        parts = [spec(r, N_PATCHES // 2, -(-N_SLIDES // 2), seed) for seed, r in enumerate(MIXED, start=1)]
        _write_mixture(name, path, parts)


def _write_mixture(name: str, path: Path, parts: "list[MarrowSpec]") -> None:
    """Draw several marrow data sets and write them as one; every slide has one magnification, as scanners have."""
    import pandas as pd

    from cellbench.marrow import draw_marrow
    from cellbench.marrow.cells import CLASS_NAMES
    from cellbench.patches.write import PatchWriter

    drawn = [draw_marrow(part, 2) for part in parts]
    index = pd.concat(
        [
            each.index.assign(
                id=f"{number}-" + each.index["id"].astype(str), group=f"{number}-" + each.index["group"].astype(str)
            )
            for number, each in enumerate(drawn)
        ],
        ignore_index=True,
    )
    with PatchWriter(path, len(index), SIZE, with_masks=True) as writer:
        for each in drawn:
            for patch, mask in zip(each.patches, each.masks, strict=True):
                writer.add(patch, mask)
        radii = " and ".join(map(str, MIXED))
        writer.finish(
            index,
            name=name,
            classes=CLASS_NAMES,
            licence="Apache-2.0",
            citation="Drawn by cellbench; no patient's cells.",
            source="; ".join(part.model_dump_json() for part in parts),
            groups_known=True,
            notes=f"Slides of two magnifications: true median radii {radii} px of 256.",
        )
