"""Pascal VOC: boxes in images. Each box becomes a patch around its centre."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.importers.files import find_images, listing
from cellbench.importers.images import MAX_PIXELS, ImageReader, stored_frame, upright_size, write_image
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.names import nfc
from cellbench.importers.options import ImportOptions, find

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def read_voc(path: Path, options: ImportOptions) -> Manifest:
    """Return the boxes of a Pascal VOC folder.

    Annotations are the XML files below `path`, beside their images or usually in `Annotations/`; `_Images` says which
    image one belongs to. VOC coordinates are px that start at 1; the manifest's start at 0. `<size>` decides whether
    the boxes are in the stored frame of an image or in the frame that its EXIF orientation turns upright. The group is
    the image, or the part of its path that `group_pattern` finds. The radius is half of the mean side of the box, which
    is less exact than the radius of a contour. Boxes without area and duplicate boxes are skipped and listed. A box
    with its centre outside the image is an error.

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
    files = [file for file in found.paths if file.suffix.lower() != ".xml"]
    images = _Images(path, files)
    rows: list[tuple[str, str | None, str | None, float, float, float]] = []
    problems = found.problems
    skipped: list[str] = []
    beyond: list[str] = []
    n_empty = 0
    upright: set[str] = set()
    annotation_of: dict[Path, str] = {}
    for file in annotations:
        name = file.relative_to(path).as_posix()
        try:
            root = ElementTree.parse(file).getroot()
        except (ElementTree.ParseError, OSError, ValueError) as error:
            problems.append(f"{name}: it is not readable XML ({getattr(error, 'strerror', None) or error})")
            continue
        if fault := _format_fault(root):
            problems.append(f"{name}: {fault}")
            continue
        try:
            image = images.of(file, _text(root, "filename"), _text(root, "folder"))
            relative = image.relative_to(path).as_posix()
            if (other := annotation_of.setdefault(image, name)) != name:
                raise DataError(f"it belongs to {relative}, as {other} does; keep one of the two annotations")
            frame = _frame(image, relative, root)
        except DataError as error:
            problems.append(f"{name}: {error}")
            continue
        if frame is not None and frame.is_upright:
            upright.add(str(image))
        group = find(options.group_pattern, relative, "group") if options.group_pattern else None
        if options.group_pattern and group is None:
            problems.append(f"{relative}: --group-pattern finds no group in its path")
        seen: set[tuple[str | None, tuple[float, ...]]] = set()
        n_empty += root.find("object") is None
        for number, entry in enumerate(root.iter("object"), start=1):
            where = f"{name} box {number}"
            label = _text(entry, "name") or None
            try:
                left, top, right, bottom = box = tuple(float(_text(entry, f"bndbox/{side}")) for side in _SIDES)
            except ValueError:
                problems.append(f"{where}: a side is missing or not a number")
                continue
            if not (np.isfinite(box) & (np.abs(box) < MAX_PIXELS)).all():
                problems.append(f"{where}: a side is not a number of px")
            elif right <= left or bottom <= top:
                skipped.append(f"{where} (no area)")
            elif (label, box) in seen:
                skipped.append(f"{where} (duplicate)")
            else:
                seen.add((label, box))
                centre = (left + right) / 2 - 1, (top + bottom) / 2 - 1
                rows.append((str(image), label, group, *centre, (right - left + bottom - top) / 4))
                if frame is not None and frame.is_left_by(left, top, right, bottom):
                    beyond.append(where)
    if not rows and not problems:
        raise DataError(f"The annotations in {path} contain no box; give a folder with boxes.")
    notes = ["The radius of a cell is half of the mean side of its box."]
    remarks = []
    if skipped:
        remarks.append(f"{len(skipped)} boxes were skipped: {listing(skipped)}.")
    if beyond:
        remarks.append(f"{len(beyond)} boxes extend beyond their image: {listing(beyond)}.")
    if upright:
        remarks.append(f"{len(upright)} images were turned upright by their EXIF orientation, as their boxes are.")
    if n_unused := len(files) - len(annotation_of):
        remarks.append(f"{n_unused} images have no annotation.")
    if n_empty:
        remarks.append(f"{n_empty} annotations contain no box.")
    table = pd.DataFrame(rows, columns=["source", "label", "group", "x", "y", "radius_px"])
    table["label"] = table["label"].astype(object).where(table["label"].notna(), None)
    return Manifest(
        table,
        cut=True,
        groups_known=True,
        reader=ImageReader(upright),
        problems=problems,
        remarks=remarks + found.remarks,
        notes=notes,
    )


class _Images:
    """Finds the image of an annotation.

    An annotation in a folder with images belongs to an image of that folder. Otherwise its image is below the nearest
    parent folder that contains images; of several folders there, one that mirrors the folder of the annotation is
    meant (`Annotations/a` and `JPEGImages/a`). The image has the file name of the annotation without its suffix, or
    the name in `<filename>`. Several images of one name are told apart by `<folder>`, or are an error.

    Args:
        root: Folder of the import; messages name images relative to it.
        images: All images below it.
    """

    def __init__(self, root: Path, images: list[Path]) -> None:
        self.root = root
        self._named: dict[str, list[Path]] = {}
        self._below: dict[Path, set[Path]] = {}  # folders with images, by each of their parents and themselves
        for image in images:
            for key in {nfc(image.stem), nfc(image.name)}:
                self._named.setdefault(key, []).append(image)
            for folder in (image.parent, *image.parent.parents):
                self._below.setdefault(folder, set()).add(image.parent)
                if folder == root:
                    break

    def of(self, annotation: Path, filename: str, folder: str) -> Path:
        """Return the image of an annotation.

        Args:
            annotation: The XML file.
            filename: Its `<filename>`, or an empty text.
            folder: Its `<folder>`, or an empty text.

        Raises:
            DataError: No image, or more than one, fits. The message does not name the annotation.
        """
        folders = self._folders_for(annotation.parent)
        by_stem = self._fitting(annotation.stem, folders, folder)
        by_name = self._fitting(re.split(r"[/\\]", filename)[-1], folders, folder)
        if len(by_stem) > 1 and set(by_stem) & set(by_name):  # 001.jpg beside 001.png, and <filename> names one
            by_stem = [image for image in by_stem if image in by_name]
        found = by_stem or by_name
        if not found:
            raise DataError(f"there is no image {annotation.stem}.* for it")
        if len(found) > 1:
            raise DataError(
                f"{len(found)} images fit it: {self._names(found)}; put each annotation beside its image, or remove "
                "the others"
            )
        if by_name and found[0] not in by_name:
            raise DataError(
                f"its own name fits {self._names(found)}, but its <filename> fits {self._names(by_name)}; correct "
                "<filename>, or rename the annotation"
            )
        return found[0]

    def _folders_for(self, folder: Path) -> set[Path]:
        """Return the folders with images in which the image of an annotation in a folder is searched."""
        parent = folder
        while parent not in self._below:
            parent = parent.parent
        folders = self._below[parent]
        if folder in folders:
            return {folder}
        tail = folder.relative_to(parent).parts[1:]
        mirrors = {one for one in folders if tail and one.relative_to(parent).parts[1:] == tail}
        return mirrors or folders

    def _fitting(self, name: str, folders: set[Path], folder: str) -> list[Path]:
        """Return the images of a name, with or without suffix, in some folders; `folder` decides between several."""
        images = [image for image in self._named.get(nfc(name), []) if image.parent in folders]
        if len({image.parent for image in images}) > 1:
            return [image for image in images if nfc(image.parent.name) == nfc(folder)] or images
        return images

    def _names(self, images: list[Path]) -> str:
        return listing([image.relative_to(self.root).as_posix() for image in images])


@dataclass(frozen=True)
class _Frame:
    """The frame of the boxes of an image: height and width in px, and whether the image is turned upright for it."""

    height: int
    width: int
    is_upright: bool

    def is_left_by(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Return whether a box extends beyond the image by more than 1 px, which programs that count from 0 cause."""
        return left < 0 or top < 0 or right > self.width + 1 or bottom > self.height + 1


def _frame(image: Path, name: str, root: ElementTree.Element) -> _Frame | None:
    """Return the frame of the boxes of an annotation, None where the image cannot be read, which is reported later.

    Raises:
        DataError: `<size>` fits neither the stored nor the upright image, or cannot decide between them.
    """
    try:
        stated = tuple(int(float(_text(root, f"size/{side}") or 0)) for side in ("height", "width"))
    except (ValueError, OverflowError) as error:
        raise DataError("its <size> is not a number; correct it, or remove it") from error
    try:
        stored, orientation = stored_frame(str(image))
    except DataError:
        return None
    turned = upright_size(stored, orientation)
    if 0 not in stated and stated not in (stored, turned):
        raise DataError(
            f"its <size> is {_px(stated)}, but {name} is {_px(stored)}; use the image that was annotated, or annotate "
            "this one again"
        )
    if orientation != 1 and (0 in stated or stored == turned):
        raise DataError(
            f"{name} has EXIF orientation {orientation}, and <size> does not say whether the boxes are in the stored "
            "or in the turned image; save the image without EXIF orientation so that its boxes fit"
        )
    is_upright = orientation != 1 and stated == turned
    return _Frame(*(turned if is_upright else stored), is_upright)


def _format_fault(root: ElementTree.Element) -> str | None:
    """Return why an XML file is no Pascal VOC annotation, or None. Boxes of another format would vanish."""
    if root.tag != "annotation":
        return f"its root element is <{root.tag[:60]}>, not <annotation>, so it is not Pascal VOC; convert or remove it"
    others = {
        entry.tag for entry in root.iter() if entry.tag != "object" and entry.tag.rpartition("}")[2].lower() == "object"
    }
    return f"it has <{min(others)[:60]}>, which Pascal VOC writes <object>; correct it" if others else None


def _px(size: tuple[int, ...]) -> str:
    return f"{size[1]} × {size[0]} px"


def _text(element: ElementTree.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


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
