"""A folder of images: one folder for each class, or the class in the file name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.importers.files import find_images, listing
from cellbench.importers.images import write_image
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.options import ImportOptions, find, find_labels


def read_folder(path: Path, options: ImportOptions) -> Manifest:
    """Return the images of a folder; each whole image is a patch.

    The class is the name of the first folder below `path`, or the part of the file name that `label_pattern` finds.
    Other images have no class. The group is the part of the relative path that `group_pattern` finds.

    Args:
        path: The folder.
        options: `label_pattern` and `group_pattern` are used.

    Raises:
        DataError: The folder does not exist or contains no image.
        SettingError: `label_pattern` finds no class in any file name.
    """
    images, remarks = find_images(path)
    problems: list[str] = []
    groups: list[str | None] = []
    labels: list[str | None]
    if options.label_pattern:
        labels = find_labels(options.label_pattern, [image.name for image in images])
    else:
        parts = [image.relative_to(path).parts for image in images]
        labels = [part[0] if len(part) > 1 else None for part in parts]
    for image in images:
        relative = image.relative_to(path)
        groups.append(find(options.group_pattern, relative.as_posix(), "group") if options.group_pattern else None)
        if options.group_pattern and groups[-1] is None:
            problems.append(f"{relative}: --group-pattern finds no group in its path")
    unlabelled = [str(image.relative_to(path)) for image, label in zip(images, labels, strict=True) if label is None]
    if unlabelled:
        remarks.append(f"{len(unlabelled)} images have no class and are in the pool only: {listing(unlabelled)}.")
    table = pd.DataFrame({"source": [str(image) for image in images], "label": labels, "group": groups}, dtype=object)
    return Manifest(table, problems=problems, remarks=remarks)


def write_folder_example(folder: Path, patches: NDArray[np.uint8], labels: Sequence[str]) -> Path:
    """Write a folder of images for each class; see `Importer.write_example`."""
    for number, (patch, label) in enumerate(zip(patches, labels, strict=True)):
        write_image(folder / label / f"{number:03}.png", patch)
    return folder


IMPORTERS.register("folder", "a folder for each class, or the class in the file name (--label-pattern)")(
    Importer(read_folder, write_folder_example, frozenset({"label_pattern", "group_pattern"}))
)
