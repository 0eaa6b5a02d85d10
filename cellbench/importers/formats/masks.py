"""A folder of images beside a folder of contour masks, and a CSV file of classes."""

from pathlib import Path

import numpy as np
import pandas as pd

from cellbench.errors import DataError
from cellbench.importers.files import by_stem, existing_folder, find_images, listing
from cellbench.importers.formats.csv import read_text_table
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.options import ImportOptions, find, find_labels

_MASK_FOLDERS = ("masks", "mask", "contours", "contour", "segmentation", "segmentations")


def read_masks(path: Path, options: ImportOptions) -> Manifest:
    """List pairs of image and mask.

    Under `path` lie `images/` and `masks/` (or `contours/`); a pair has the same file name without its ending.
    A mask is 0 outside the centre cell and anything else inside. Classes come from `labels.csv` under `path` (or
    `labels`): the first column is the image with or without its ending (`7` finds `007.bmp`), the second its class;
    else from `label_pattern`; else from the folders under `images/`.

    Args:
        path: The folder.
        options: `label_pattern`, `group_pattern` and `labels` are used.
    """
    existing_folder(path)
    masks_at = next((path / name for name in _MASK_FOLDERS if (path / name).is_dir()), None)
    images_at = path / "images"
    if masks_at is None or not images_at.is_dir():
        raise DataError(f"{path} must hold two folders, images/ and masks/ (or contours/).")
    images, remarks = find_images(images_at)
    masks, _ = find_images(masks_at)
    masks_of = by_stem(masks)
    problems = [
        f"{image.relative_to(path)}: {len(masks_of.get(image.stem, []))} masks have its name, one is needed"
        for image in images
        if len(masks_of.get(image.stem, [])) != 1
    ]
    stems = by_stem(images)
    problems += [f"{stem}: {len(same)} images have this name" for stem, same in stems.items() if len(same) > 1]
    if idle := [str(mask.relative_to(path)) for mask in masks if mask.stem not in stems]:
        remarks.append(f"{len(idle)} masks have no image: {listing(idle)}.")

    labels_file = Path(options.labels) if options.labels else path / "labels.csv"
    labels: list[str | None]
    if options.labels or labels_file.exists():
        labels = _labels_from_file(labels_file, images, problems)
    elif options.label_pattern:
        labels = find_labels(options.label_pattern, [image.name for image in images])
    else:
        parts = [image.relative_to(images_at).parts for image in images]
        labels = [part[0] if len(part) > 1 else None for part in parts]
    if nameless := [image.name for image, label in zip(images, labels, strict=True) if label is None]:
        remarks.append(f"{len(nameless)} images have no class and are pool only: {listing(nameless)}.")
    groups = [_group(image.relative_to(images_at).as_posix(), options, problems) for image in images]
    table = pd.DataFrame(
        {
            "source": [str(image) for image in images],
            "label": labels,
            "group": groups,
            "mask": [str(masks_of[image.stem][0]) if masks_of.get(image.stem) else None for image in images],
        },
        dtype=object,
    )
    return Manifest(table, problems=problems, remarks=remarks)


def _group(relative: str, options: ImportOptions, problems: list[str]) -> str | None:
    if not options.group_pattern:
        return None
    group = find(options.group_pattern, relative, "group")
    if group is None:
        problems.append(f"{relative}: --group-pattern finds no group in its path")
    return group


def _labels_from_file(file: Path, images: list[Path], problems: list[str]) -> list[str | None]:
    """Return the class of each image; rows for no image and images named twice are problems."""
    table = read_text_table(file)
    if table.shape[1] < 2:
        raise DataError(f"{file} has {table.shape[1]} columns; it needs two, the image and its class.")
    keys = {key: i for i, image in enumerate(images) for key in (image.stem, image.name)}
    if all(image.stem.isdecimal() for image in images):
        keys |= {str(int(image.stem)): i for i, image in enumerate(images)}
    labels: list[str | None] = [None] * len(images)
    seen = np.zeros(len(images), dtype=np.int64)
    for line, (name, label) in enumerate(table.iloc[:, :2].itertuples(index=False, name=None), start=2):
        position = None if name is None else keys.get(name.strip())
        if position is None:
            problems.append(f"{file.name} line {line}: there is no image '{name}'")
        elif seen[position]:
            problems.append(f"{file.name} line {line}: the image '{name}' comes twice")
        else:
            seen[position] = line
            labels[position] = label
    return labels


IMPORTERS.register("masks", "images/ beside masks/ (or contours/), classes in labels.csv")(
    Importer(read_masks, frozenset({"label_pattern", "group_pattern", "labels"}))
)
