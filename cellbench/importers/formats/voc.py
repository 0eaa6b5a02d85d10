"""Pascal VOC: boxes in images; each box becomes a patch around its centre."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from cellbench.errors import DataError
from cellbench.importers.files import by_stem, find_files, find_images, listing
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.options import ImportOptions, find

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def read_voc(path: Path, options: ImportOptions) -> Manifest:
    """List the boxes of a Pascal VOC folder.

    Annotations are the XML files under `path` (usually in `Annotations/`); each belongs to the image with its stem,
    or of the name it gives. VOC counts px from 1. The group is the image, or what `group_pattern` finds in its
    path. The radius is half of the mean of a box's two sides: rougher than a contour's. Boxes without area, twice
    the same, or with a centre outside the image are left out and listed.

    Args:
        path: The folder.
        options: `group_pattern` is used.
    """
    annotations = [file for file in find_files(path) if file.suffix.lower() == ".xml"]
    if not annotations:
        raise DataError(f"There is no annotation (*.xml) in {path}; give the folder above Annotations/.")
    images, _ = find_images(path)
    stems = by_stem(images)
    names = {image.name: image for image in images}
    rows: list[tuple[str, str, str | None, float, float, float]] = []
    problems: list[str] = []
    left_out: list[str] = []
    used: set[Path] = set()
    for file in annotations:
        try:
            root = ElementTree.parse(file).getroot()
        except (ElementTree.ParseError, OSError, ValueError) as error:
            problems.append(f"{file.relative_to(path)}: it is no readable XML ({error})")
            continue
        image = names.get((root.findtext("filename") or "").strip()) or next(iter(stems.get(file.stem, [])), None)
        if image is None:
            problems.append(f"{file.relative_to(path)}: there is no image {file.stem}.* beside it")
            continue
        used.add(image)
        relative = image.relative_to(path).as_posix()
        group = find(options.group_pattern, relative, "group") if options.group_pattern else None
        if options.group_pattern and group is None:
            problems.append(f"{relative}: --group-pattern finds no group in its path")
        seen: set[tuple[str, tuple[float, ...]]] = set()
        for number, thing in enumerate(root.iter("object"), start=1):
            where = f"{file.name} box {number}"
            label = (thing.findtext("name") or "").strip() or None
            try:
                left, top, right, bottom = box = tuple(float(thing.findtext(f"bndbox/{side}") or "") for side in _SIDES)
            except ValueError:
                problems.append(f"{where}: it lacks a side, or a side is no number")
                continue
            if not np.isfinite(box).all() or right <= left or bottom <= top:
                left_out.append(f"{where} (no area)")
            elif (label or "", box) in seen:
                left_out.append(f"{where} (twice the same)")
            else:
                seen.add((label or "", box))
                centre = (left + right) / 2 - 1, (top + bottom) / 2 - 1
                rows.append((str(image), label or "", group, *centre, (right - left + bottom - top) / 4))
    if not rows and not problems:
        raise DataError(f"The annotations in {path} hold no box; give a folder with boxes.")
    notes = ["The radius of a cell is half of the mean side of its box."]
    remarks = []
    if left_out:
        remarks.append(f"{len(left_out)} boxes were left out: {listing(left_out)}.")
    if idle := len(images) - len(used):
        remarks.append(f"{idle} images have no annotation.")
    table = pd.DataFrame(rows, columns=["source", "label", "group", "x", "y", "radius_px"])
    table["label"] = table["label"].astype(object).where(table["label"] != "", None)
    return Manifest(table, cut=True, groups_known=True, problems=problems, remarks=remarks, notes=notes)


IMPORTERS.register("voc", "Pascal VOC: each box becomes a patch; --patch-size is needed")(
    Importer(read_voc, frozenset({"group_pattern"}))
)
