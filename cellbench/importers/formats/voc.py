"""Pascal VOC: boxes in images. Each box becomes a patch around its centre."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.importers.files import by_stem, find_images, listing
from cellbench.importers.images import write_image
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.names import nfc
from cellbench.importers.options import ImportOptions, find

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def read_voc(path: Path, options: ImportOptions) -> Manifest:
    """Return the boxes of a Pascal VOC folder.

    Annotations are the XML files below `path`, usually in `Annotations/`. Each belongs to the image that it names,
    otherwise to the image with the same file name without the suffix. VOC coordinates are px that start at 1; the
    manifest's start at 0. The group is the image, or the part of its path that `group_pattern` finds. The radius is
    half of the mean side of the box, which is less exact than the radius of a contour. Boxes without area and
    duplicate boxes are skipped and listed. A box with its centre outside the image is an error.

    Args:
        path: The folder.
        options: `group_pattern` is used.

    Raises:
        DataError: The folder does not exist, or contains no annotation, no image or no box.
    """
    found = find_images(path, also=frozenset({".xml"}))
    annotations = [file for file in found.paths if file.suffix.lower() == ".xml"]
    if not annotations and not found.problems:
        raise DataError(f"There is no annotation (*.xml) in {path}; give the folder that contains Annotations/.")
    images = [file for file in found.paths if file.suffix.lower() != ".xml"]
    stems = by_stem(images)
    names = {nfc(image.name): image for image in images}
    rows: list[tuple[str, str, str | None, float, float, float]] = []
    problems = found.problems
    skipped: list[str] = []
    used: set[Path] = set()
    for file in annotations:
        try:
            root = ElementTree.parse(file).getroot()
        except (ElementTree.ParseError, OSError, ValueError) as error:
            problems.append(
                f"{file.relative_to(path)}: it is not readable XML ({getattr(error, 'strerror', None) or error})"
            )
            continue
        image = names.get(nfc((root.findtext("filename") or "").strip())) or next(
            iter(stems.get(nfc(file.stem), [])), None
        )
        if image is None:
            problems.append(f"{file.relative_to(path)}: there is no image {file.stem}.* for it")
            continue
        used.add(image)
        relative = image.relative_to(path).as_posix()
        group = find(options.group_pattern, relative, "group") if options.group_pattern else None
        if options.group_pattern and group is None:
            problems.append(f"{relative}: --group-pattern finds no group in its path")
        seen: set[tuple[str, tuple[float, ...]]] = set()
        for number, entry in enumerate(root.iter("object"), start=1):
            where = f"{file.name} box {number}"
            label = (entry.findtext("name") or "").strip() or None
            try:
                left, top, right, bottom = box = tuple(float(entry.findtext(f"bndbox/{side}") or "") for side in _SIDES)
            except ValueError:
                problems.append(f"{where}: a side is missing or not a number")
                continue
            if not np.isfinite(box).all() or right <= left or bottom <= top:
                skipped.append(f"{where} (no area)")
            elif (label or "", box) in seen:
                skipped.append(f"{where} (duplicate)")
            else:
                seen.add((label or "", box))
                centre = (left + right) / 2 - 1, (top + bottom) / 2 - 1
                rows.append((str(image), label or "", group, *centre, (right - left + bottom - top) / 4))
    if not rows and not problems:
        raise DataError(f"The annotations in {path} contain no box; give a folder with boxes.")
    notes = ["The radius of a cell is half of the mean side of its box."]
    remarks = []
    if skipped:
        remarks.append(f"{len(skipped)} boxes were skipped: {listing(skipped)}.")
    if n_unused := len(images) - len(used):
        remarks.append(f"{n_unused} images have no annotation.")
    table = pd.DataFrame(rows, columns=["source", "label", "group", "x", "y", "radius_px"])
    table["label"] = table["label"].astype(object).where(table["label"] != "", None)
    return Manifest(table, cut=True, groups_known=True, problems=problems, remarks=remarks + found.remarks, notes=notes)


def write_voc_example(folder: Path, patches: NDArray[np.uint8], labels: Sequence[str]) -> Path:
    """Write each patch with a border of 1 px and a box around its centre; see `Importer.write_example`."""
    for number, (patch, label) in enumerate(zip(patches, labels, strict=True)):
        write_image(folder / "JPEGImages" / f"{number:03}.png", np.pad(patch, ((1, 1), (1, 1), (0, 0))))
        sides = {"xmin": 4, "ymin": 4, "xmax": patch.shape[1] - 1, "ymax": patch.shape[0] - 1}
        box = "".join(f"<{name}>{value}</{name}>" for name, value in sides.items())
        text = f"<annotation><object><name>{label}</name><bndbox>{box}</bndbox></object></annotation>"
        (folder / "Annotations").mkdir(exist_ok=True)
        (folder / "Annotations" / f"{number:03}.xml").write_text(text, encoding="utf-8")
    return folder


IMPORTERS.register("voc", "Pascal VOC: each box becomes a patch; --patch-size is needed")(
    Importer(read_voc, write_voc_example, frozenset({"group_pattern"}))
)
