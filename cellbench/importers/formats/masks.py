"""A folder of images, a folder of their contour masks, and a CSV file of their classes."""

import os
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError, SettingError, printable
from cellbench.importers.files import MASK_FOLDERS, by_stem, existing_folder, find_images, listing
from cellbench.importers.images import write_image
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.names import name_fault, nfc
from cellbench.importers.options import ImportOptions, path_groups, path_labels
from cellbench.importers.problems import shown
from cellbench.importers.tables import read_text_table, refuse_missing_columns, used_columns

_IMAGE_WORDS = frozenset({"path", "image", "img", "file", "filename"})
_CLASS_WORDS = frozenset({"label", "class"})


def read_masks(path: Path, options: ImportOptions) -> Manifest:
    """Return the pairs of image and mask; each whole image is a patch.

    `path` contains `images/` and `masks/` (or `contours/`). An image and its mask have the same file name without the
    suffix. A mask is 0 outside cells and above 0 inside; `Cells` finds the one at the centre. Classes come from
    `labels.csv` in `path`, or from the file `labels`. Its columns of image and class are found by their names, or given
    by `column`. Images are named with or without the suffix (`7` matches `007.bmp`). Without that file, classes come
    from `label_pattern`, or from the folders below `images/`, of which `label_folder` names one.

    Args:
        path: The folder.
        options: `label_pattern`, `label_folder`, `group_pattern`, `labels` and `column` are used; the plan uses
            `mask_values`.

    Raises:
        DataError: A folder is missing or contains no image, or the table of classes cannot be read.
        SettingError: `label_pattern` or `label_folder` finds no class in any path, or there is a table of classes too.
    """
    existing_folder(path)
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir())
    images_in = [folder for folder in folders if folder.name.lower() == "images"]
    masks_in = [folder for folder in folders if folder.name.lower() in MASK_FOLDERS]
    if not images_in or not masks_in:
        raise DataError(f"{printable(str(path))} must contain two folders, images/ and masks/ (or contours/).")
    for several in (images_in, masks_in):
        if len(several) > 1:
            names = " and ".join(f"{folder.name}/" for folder in several)
            raise DataError(f"{printable(str(path))} contains {names}; keep one of them.")
    images_at, masks_at = images_in[0], masks_in[0]
    found, found_masks = find_images(images_at, root=path), find_images(masks_at, root=path)
    images, masks, remarks = found.paths, found_masks.paths, found.remarks
    masks_of = by_stem(masks)
    problems = [*found.problems, *found_masks.problems]
    problems += [
        f"{image.relative_to(path)}: {len(masks_of.get(nfc(image.stem), []))} masks have its name; it needs one"
        for image in images
        if len(masks_of.get(nfc(image.stem), [])) != 1
    ]
    stems = by_stem(images)
    problems += [f"{stem}: {len(same)} images have this name" for stem, same in stems.items() if len(same) > 1]
    if unused := [str(mask.relative_to(path)) for mask in masks if nfc(mask.stem) not in stems]:
        remarks.append(f"{len(unused)} masks have no image: {listing(unused)}.")

    labels_file = Path(options.labels) if options.labels else path / "labels.csv"
    labels: list[str | None]
    if options.labels or os.path.lexists(labels_file):
        if options.label_pattern or options.label_folder:
            raise SettingError(
                f"The classes come from {labels_file}. Remove --label-pattern or --label-folder, or that file."
            )
        labels = _labels_from_file(labels_file, options.column or {}, images, problems)
    else:
        labels = path_labels(images, images_at, options)
    if unlabelled := [image.name for image, label in zip(images, labels, strict=True) if label is None]:
        remarks.append(f"{len(unlabelled)} images have no class and are in the pool only: {listing(unlabelled)}.")
    groups = path_groups(images, images_at, options, problems)
    table = pd.DataFrame(
        {
            "source": [str(image) for image in images],
            "label": labels,
            "group": groups,
            "mask": [str(masks_of[nfc(image.stem)][0]) if nfc(image.stem) in masks_of else None for image in images],
        },
        dtype=object,
    )
    return Manifest(table, problems=problems, remarks=remarks)


def _labels_from_file(
    file: Path, columns: Mapping[str, str], images: list[Path], problems: list[str]
) -> list[str | None]:
    """Return the class of each image. A row without an image and a second row for an image become problems."""
    keys = {key: i for i, image in enumerate(images) for key in (nfc(image.stem), nfc(image.name))}
    if all(image.stem.isdecimal() for image in images):
        keys |= {str(int(image.stem)): i for i, image in enumerate(images)}
    labels: list[str | None] = [None] * len(images)
    seen: dict[int, str] = {}
    for where, name, label in _read_classes(file, columns, keys):
        position = None if name is None else keys.get(nfc(name))
        if name is None:
            problems.append(f"{where}: it has no image")
        elif position is None:
            problems.append(f"{where}: there is no image {shown(name)}")
        elif seen.setdefault(position, where) != where:
            problems.append(f"{where}: the image {shown(name)} occurs twice")
        elif label is not None and (fault := name_fault(label)):
            problems.append(f"{where}: its class {fault} ({shown(label)})")
        else:
            labels[position] = label
    return labels


def _read_classes(
    path: Path, names: Mapping[str, str], images: Container[str]
) -> "Iterator[tuple[str, str | None, str | None]]":
    """Yield where each row of a table of images and classes is, its image and its class, None where it is empty.

    The two columns are those that `names` gives, or the only ones with a name such as `image` or `class`. A table of
    two columns with other names has the image first.

    Args:
        path: The file.
        names: Names of the columns `path` and `label` in the table (`--column`).
        images: Names of the images, by which a table without a header is recognised.

    Raises:
        DataError: The table cannot be read, or its columns are not clear.
        SettingError: `names` has a column that is not used, or that the table does not have.
    """
    whole = read_text_table(path, {"path", "label", *names.values()})
    found = {**_named_like(whole, "path", _IMAGE_WORDS), **_named_like(whole, "label", _CLASS_WORDS)}
    if len(set(found.values())) < 2:
        found = dict(zip(("path", "label"), whole.columns, strict=True)) if whole.shape[1] == 2 else {}
        if header := [name for name in found.values() if name in images]:
            raise DataError(
                f"{path} has no header, because its first line names the image {shown(header[0])}; "
                "add the line path,label above it."
            )
    table, _ = used_columns(path, whole, ("path", "label"), {**found, **names})
    refuse_missing_columns(path, whole, table, ("path", "label"))
    for at, image, label in table[["path", "label"]].itertuples(name=None):
        where = f"{path.name} {table.index.name} {at}"
        yield where, None if pd.isna(image) else image, None if pd.isna(label) else label


def _named_like(table: pd.DataFrame, name: str, words: frozenset[str]) -> dict[str, str]:
    """Return the only column whose name has one of the words, by the name that the format gives it."""
    found = [column for column in table.columns if words.intersection(re.split(r"[^a-z]+", column.lower()))]
    return {name: found[0]} if len(found) == 1 else {}


def write_masks_example(folder: Path, patches: NDArray[np.uint8], labels: Sequence[str]) -> Path:
    """Write images in a folder for each class, and masks of a disc in their centre; see `Importer.write_example`."""
    for number, (patch, label) in enumerate(zip(patches, labels, strict=True)):
        write_image(folder / "images" / label / f"{number:03}.png", patch)
        distance = np.hypot(*(axis - axis.mean() for axis in np.indices(patch.shape[:2])))
        write_image(folder / "masks" / f"{number:03}.png", (255 * (distance < len(patch) / 3)).astype(np.uint8))
    return folder


IMPORTERS.register("masks", "images/ and masks/ (or contours/), classes in labels.csv")(
    Importer(
        read_masks,
        write_masks_example,
        frozenset({"column", "label_pattern", "label_folder", "group_pattern", "labels", "mask_values"}),
    )
)
