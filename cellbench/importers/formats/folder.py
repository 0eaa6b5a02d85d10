"""A folder of images: one folder for each class, or the class in the file name."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.importers.files import MASK_FOLDERS, find_images, listing
from cellbench.importers.images import write_image
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.names import nfc
from cellbench.importers.options import ImportOptions, path_groups, path_labels

_MASK_STEM = re.compile(
    r"(?P<image>.+?)(?P<ending>[-_.](cp_)?(masks?|seg|segmentation|labels?|contours?|gt|binary))", re.IGNORECASE
)


def read_folder(path: Path, options: ImportOptions) -> Manifest:
    """Return the images of a folder; each whole image is a patch.

    The class is the name of the first folder below `path`, of the folder that `label_folder` counts, or the part of
    the file name that `label_pattern` finds. Other images have no class. The group is the part of the relative path
    that `group_pattern` finds. A file such as `7_mask.png` beside `7.png` is skipped.

    Args:
        path: The folder.
        options: `label_pattern`, `label_folder` and `group_pattern` are used.

    Raises:
        DataError: The folder does not exist, contains no image, or its folders are no classes.
        SettingError: `label_pattern` or `label_folder` finds no class in any path.
    """
    found = find_images(path)
    images, masks = _without_masks(found.paths)
    problems, remarks = found.problems, found.remarks
    if masks:
        kinds = ", ".join(f"{n} × {ending}" for ending, n in sorted(masks.items()))
        remarks.append(
            f"Skipped masks beside images of the same name: {kinds}. "
            "To use them, import with --from masks, or with --from csv and a column mask."
        )
    if options.label_folder is None:
        _refuse_mask_folder(path, images)
    labels = path_labels(images, path, options)
    if options.label_folder is None and options.label_pattern is None:
        remarks += _remark_on_levels(path, images)
    groups = path_groups(images, path, options, problems)
    unlabelled = [str(image.relative_to(path)) for image, label in zip(images, labels, strict=True) if label is None]
    if unlabelled:
        remarks.append(f"{len(unlabelled)} images have no class and are in the pool only: {listing(unlabelled)}.")
    table = pd.DataFrame({"source": [str(image) for image in images], "label": labels, "group": groups}, dtype=object)
    return Manifest(table, problems=problems, remarks=remarks)


def _without_masks(paths: Sequence[Path]) -> tuple[list[Path], Counter[str]]:
    """Return the images that are not the mask of an image in the same folder, and the number of masks by ending."""
    stems = {(path.parent, nfc(path.stem)) for path in paths}
    images, masks = [], Counter[str]()
    for path in paths:
        match = _MASK_STEM.fullmatch(nfc(path.stem))
        if match and (path.parent, match["image"]) in stems:
            masks[match["ending"] + path.suffix] += 1
        else:
            images.append(path)
    return images, masks


def _remark_on_levels(path: Path, images: Sequence[Path]) -> list[str]:
    """Return a remark if the folders of all classes contain folders of the same names, which may be the classes."""
    below: dict[str, set[str]] = {}
    for image in images:
        parts = image.relative_to(path).parts[:-1]
        below.setdefault(parts[0] if parts else "", set()).add(parts[1] if len(parts) > 1 else "")
    names = list(below.values())
    if len(names) < 2 or "" in names[0] or len(names[0]) < 2 or any(each != names[0] for each in names):
        return []
    return [
        f"The classes {listing(sorted(below))} contain folders of the same names ({listing(sorted(names[0]))}). If "
        "those are the classes, add --label-folder 2."
    ]


def _refuse_mask_folder(path: Path, images: Sequence[Path]) -> None:
    """Refuse a folder of masks beside a folder images/.

    Raises:
        DataError: There is such a folder, whose masks would become patches.
    """
    folders = {parent for image in images for parent in image.relative_to(path).parents}
    with_images = {folder.parent for folder in folders if folder.name.lower() == "images"}
    masks = sorted(folder for folder in folders if folder.name.lower() in MASK_FOLDERS and folder.parent in with_images)
    if masks:
        raise DataError(
            f"The folder {masks[0].as_posix()}/ in {path} is beside images/ and seems to contain contour masks, which "
            "would become patches. Use --from masks, or give the folder images/. If the folders are classes, add "
            "--label-folder."
        )


def write_folder_example(folder: Path, patches: NDArray[np.uint8], labels: Sequence[str]) -> Path:
    """Write a folder of images for each class; see `Importer.write_example`."""
    for number, (patch, label) in enumerate(zip(patches, labels, strict=True)):
        write_image(folder / label / f"{number:03}.png", patch)
    return folder


IMPORTERS.register("folder", "a folder for each class, or the class in the file name (--label-pattern)")(
    Importer(read_folder, write_folder_example, frozenset({"label_pattern", "label_folder", "group_pattern"}))
)
