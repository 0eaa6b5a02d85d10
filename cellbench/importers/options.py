"""The options of an import, and the classes and groups that they find in paths."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cellbench.errors import DataError, SettingError, printable
from cellbench.importers.contours import MaskValues
from cellbench.importers.names import MAX_NAME, name_fault, nfc
from cellbench.patches.border import Border

SPLIT_NAME = re.compile(
    r"(train|training|val|valid|validation|dev|eval|evaluation|test|testing|hold[-_ ]?out|(fold|split|cv)[-_ ]?\d+)"
    r"([-_ ]?(set|data|images|imgs))?",
    re.IGNORECASE,
)
"""Names of folders that divide images for training and evaluation, and are hardly ever classes."""

MAX_SIDE = 4096
"""Largest side of a patch in px. A cell has a few hundred px, and a network sees fewer."""


class ImportOptions(BaseModel):
    """Options of all importers; lengths are in px of the images."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    patch_size: int | None = Field(
        default=None, ge=8, le=MAX_SIDE, description="side of the patches in px; default: the smallest side of an image"
    )
    border: Border = Field(
        default="reflect", description="reflect or drop patches that extend beyond the border of an image"
    )
    max_per_class: int | None = Field(default=None, ge=1, le=2**31, description="largest number of patches of a class")
    min_per_class: int = Field(default=20, ge=2, le=2**31, description="classes with fewer patches are not scored")
    label_pattern: str | None = Field(
        default=None, description="regular expression that finds the class in a file name"
    )
    label_folder: int | None = Field(
        default=None, description="number of the folder that is the class: 1 is the first below the path, -1 the last"
    )
    group_pattern: str | None = Field(default=None, description="regular expression that finds the group in a path")
    column: dict[str, str] | None = Field(
        default=None, description="names of columns in the table, by the names that the format gives them"
    )
    rename: dict[str, str] = Field(default_factory=dict, description="new names of classes, by their old names")
    labels: str | None = Field(default=None, description="CSV file with the columns image and class")
    mask_values: MaskValues | None = Field(
        default=None, description="what several values in a mask are: cells, or parts of one cell"
    )
    um_per_px: float | None = Field(default=None, ge=1e-3, le=100, description="µm per px")
    cell_radius: float | None = Field(
        default=None, ge=0.5, le=MAX_SIDE, description="measured typical radius of a cell in px"
    )
    licence: str | None = Field(default=None, description="licence of the images")
    citation: str | None = Field(default=None, description="citation of the images")
    class_order: list[list[str]] = Field(
        default_factory=list, description="orders of classes, for example stages of maturation"
    )
    class_frequencies: dict[str, float] = Field(
        default_factory=dict, description="published natural frequency of each scored class, in any unit"
    )
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed of the roles and of --max-per-class")

    @field_validator("label_folder")
    @classmethod
    def _counts_from_one(cls, number: int | None) -> int | None:
        if number == 0:
            raise ValueError("must be 1 for the first folder, 2 for the second, or -1 for the last")
        return number

    @field_validator("class_order")
    @classmethod
    def _has_stages(cls, order: list[list[str]]) -> list[list[str]]:
        if any(len(one) < 2 or "" in one for one in order):
            raise ValueError("must name at least two classes, for example PMY,MY,MMY,BNE,SNE")
        return order

    @field_validator("label_pattern", "group_pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern == "":
            raise ValueError("must not be empty")
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"must be a regular expression ({error})") from error
        return pattern

    @field_validator("rename", "column")
    @classmethod
    def _are_names(cls, names: dict[str, str] | None) -> dict[str, str] | None:
        spelled: dict[str, str] = {}
        for pair in (names or {}).items():
            old, new = map(nfc, pair)
            for name in (old, new):
                if fault := name_fault(name) or ("is empty" if not name.strip() else None):
                    raise ValueError(f"the name '{printable(name[:MAX_NAME])}' {fault}; give another name")
            if spelled.setdefault(old, new) != new:
                raise ValueError(f"'{old}' is given twice, in two Unicode spellings; give it once")
        return None if names is None else spelled


def find(pattern: str, name: str, group: str) -> str | None:
    """Return the part of a name that a pattern finds, or None.

    Args:
        pattern: Regular expression.
        name: Text to search.
        group: Named group to return. Without it, the first group is returned; without any group, the whole match.

    Example:
        >>> find("^(?P<label>[A-Z]+)_", "SNE_123.jpg", "label"), find("^([A-Z])", "x", "label")
        ('SNE', None)
    """
    match = re.search(nfc(pattern), nfc(name))
    if match is None:
        return None
    if group in match.groupdict():
        return match[group] or None
    return match[1 if match.re.groups else 0] or None


def find_labels(pattern: str, names: Sequence[str]) -> list[str | None]:
    """Return the class that a label pattern finds in each file name, None where it finds none.

    Raises:
        SettingError: The pattern finds no class in any of the names.
    """
    labels = [find(pattern, name, "label") for name in names]
    if names and not any(labels):
        raise SettingError(
            f"--label-pattern '{pattern}' finds no class in any of {len(names)} file names, for example {names[0]}."
        )
    return labels


def path_labels(images: Sequence[Path], root: Path, options: ImportOptions) -> list[str | None]:
    """Return the class of each image, None where its path names none.

    The class is the part of the file name that `label_pattern` finds, or the folder that `label_folder` counts below
    `root`. Without both it is the first folder.

    Args:
        images: Paths of images below `root`.
        root: Folder of the images.
        options: `label_pattern` and `label_folder` are used.

    Raises:
        DataError: The first folders are a split into training and test images, and no option names the class.
        SettingError: Both options are given, or the option finds no class in any path.
    """
    if options.label_pattern and options.label_folder:
        raise SettingError("--label-pattern and --label-folder both name the class; remove one of them.")
    if options.label_pattern:
        return find_labels(options.label_pattern, [image.name for image in images])
    folders = [image.relative_to(root).parts[:-1] for image in images]
    number = options.label_folder or 1
    labels = [_item(parts, number) for parts in folders]
    if options.label_folder is None:
        _refuse_split(root, folders)
    elif images and not any(labels):
        raise SettingError(f"--label-folder {number}: no image is in that many folders below {root}.")
    return labels


def path_groups(images: Sequence[Path], root: Path, options: ImportOptions, problems: list[str]) -> list[str | None]:
    """Return the group of each image, the part of its path below `root` that `group_pattern` finds.

    Without that option, every group is None. With it, a path without a group is added to `problems`.
    """
    if not options.group_pattern:
        return [None] * len(images)
    names = [image.relative_to(root).as_posix() for image in images]
    groups = [find(options.group_pattern, name, "group") for name in names]
    problems += [
        f"{name}: --group-pattern finds no group in its path"
        for name, group in zip(names, groups, strict=True)
        if group is None
    ]
    return groups


def _item(parts: Sequence[str], number: int) -> str | None:
    """Return an item by its number, which is 1 for the first and -1 for the last, or None."""
    return parts[number - (number > 0)] if abs(number) <= len(parts) else None


def _refuse_split(root: Path, folders: Sequence[tuple[str, ...]]) -> None:
    """Refuse first folders of which several, or all, are named as parts of a split.

    Raises:
        DataError: The classes would be train and test.
    """
    first = {parts[0] for parts in folders if parts}
    splits = sorted(name for name in first if SPLIT_NAME.fullmatch(name))
    if len(splits) < 2 and (not splits or len(first) > 1):
        return
    below = sorted({parts[1] for parts in folders if len(parts) > 1 and parts[0] in splits})
    names = ", ".join(f"{name}/" for name in splits)
    if below:
        way_out = f"Add --label-folder 2 to read the class from the folders below them ({_some(below)})."
    else:
        way_out = "Give the class of each image, for example with --label-pattern or in a table (--from csv)."
    raise DataError(
        f"The folders {names} in {root} look like a split into training and test images, not like classes. {way_out} "
        "If they are the classes, add --label-folder 1."
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
