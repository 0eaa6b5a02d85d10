"""A contact sheet of a data set: random patches of each class, one row for each class."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cellbench.errors import SettingError
from cellbench.output_files import output_file
from cellbench.patches.patchset import PatchSet

Marks = Literal["none", "radius", "contour"]

_INK, _FAINT, _PAPER, _MARK = (25, 25, 25), (110, 110, 110), (228, 228, 232), (0, 150, 60)
_GAP = 3  # px between patches
_TEXT = 14  # px


def contact_sheet(
    patch_set: PatchSet, n_per_class: int = 12, side: int = 96, marks: Marks = "none", seed: int = 0
) -> Image.Image:
    """Draw random patches of each class. Holdout patches are shown only for classes without other patches.

    Args:
        patch_set: The data set.
        n_per_class: Number of patches in a row.
        side: Side of a patch on the sheet in px.
        marks: `radius` draws a circle with the radius of the cell, `contour` the edge of its mask.
        seed: Seed of the choice of patches.

    Returns:
        An RGB image.

    Raises:
        SettingError: A number is too small, or the data set has no contours to mark.
    """
    if n_per_class < 1 or side < 8:
        raise SettingError(f"n_per_class must be 1 or more and side 8 px or more. Got {n_per_class} and {side}.")
    if marks == "contour" and patch_set.masks is None:
        raise SettingError(f"The data set '{patch_set.card.name}' has no contours. Use the marks radius or none.")
    font, small = _font(_TEXT), _font(_TEXT - 3)
    lines = _lines(patch_set)
    margin = max([90, *(int(font.getlength(name)) + 16 for name, _ in lines)])
    top = 2 * _TEXT + 12
    width = margin + n_per_class * (side + _GAP) + _GAP
    sheet = Image.new("RGB", (width, top + len(lines) * (side + _GAP) + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    card = patch_set.card
    scale = f", {card.um_per_px:g} µm per px" if card.um_per_px else ""
    draw.text((8, 6), f"{card.name}: {len(patch_set)} patches of {card.native_size} px{scale}", _INK, font)
    credit = " · ".join(filter(None, [card.licence, card.citation]))
    draw.text((8, 10 + _TEXT), credit, _FAINT, small)
    rng = np.random.default_rng(seed)
    held_out = patch_set.index["in_holdout"].to_numpy(dtype=bool)
    for line, (name, rows) in enumerate(lines):
        y = top + line * (side + _GAP)
        draw.text((8, y + side // 2 - _TEXT), name, _INK, font)
        draw.text((8, y + side // 2 + 4), f"{len(rows)}", _FAINT, small)
        shown = rows[~held_out[rows]] if (~held_out[rows]).any() else rows
        for column, row in enumerate(rng.permutation(shown)[:n_per_class]):
            sheet.paste(_thumbnail(patch_set, int(row), side, marks), (margin + column * (side + _GAP), y))
    return sheet


def write_contact_sheet(patch_set: PatchSet, path: Path, marks: Marks = "none", n_per_class: int = 12) -> None:
    """Write a contact sheet as a PNG file, atomically.

    Args:
        patch_set: The data set.
        path: PNG file to write.
        marks: Marks on the patches; see `contact_sheet`.
        n_per_class: Number of patches in a row.

    Raises:
        StoreError: The file cannot be written.
    """
    sheet = contact_sheet(patch_set, n_per_class, marks=marks)
    with output_file(path) as part:
        sheet.save(part, format="PNG")


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font DejaVu Sans of matplotlib. It has µ, Greek and accents, which the font of Pillow lacks."""
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def _lines(patch_set: PatchSet) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the title and the rows of each class: scored classes, rare classes, and patches without a class."""
    labels = patch_set.index["label"].astype(object)
    card = patch_set.card
    lines = [(name, np.flatnonzero(labels == name)) for name in card.classes]
    lines += [(f"{name} (too rare)", np.flatnonzero(labels == name)) for name in card.unscored_classes]
    lines.append(("no class", np.flatnonzero(labels.isna())))
    return [(name, rows.astype(np.int64)) for name, rows in lines if len(rows)]


def _thumbnail(patch_set: PatchSet, row: int, side: int, marks: Marks) -> Image.Image:
    size = patch_set.card.native_size
    image = Image.fromarray(np.asarray(patch_set.patches[row])).resize((side, side), Image.Resampling.BICUBIC)
    if marks == "contour" and patch_set.masks is not None:
        mask = Image.fromarray(np.asarray(patch_set.masks[row]) * np.uint8(255))
        inside = np.asarray(mask.resize((side, side), Image.Resampling.BILINEAR)) > 127
        padded = np.pad(inside, 1)
        core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        pixels = np.array(image)
        pixels[inside & ~core] = _MARK
        image = Image.fromarray(pixels)
    radius = float(patch_set.radius_px([row])[0])
    if marks == "radius" and np.isfinite(radius):
        centre, reach = (side - 1) / 2, radius * side / size
        box = (centre - reach, centre - reach, centre + reach, centre + reach)
        ImageDraw.Draw(image).ellipse(box, outline=_MARK)
    return image
