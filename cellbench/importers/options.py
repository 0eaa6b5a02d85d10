"""The options of an import."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cellbench.errors import SettingError
from cellbench.importers.names import MAX_NAME, name_fault, nfc, printable
from cellbench.patches.border import Border

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
    group_pattern: str | None = Field(default=None, description="regular expression that finds the group in a path")
    column: dict[str, str] | None = Field(
        default=None, description="names of columns in the table, by the names that the format gives them"
    )
    rename: dict[str, str] = Field(default_factory=dict, description="new names of classes, by their old names")
    labels: str | None = Field(default=None, description="CSV file with the columns image and class")
    um_per_px: float | None = Field(default=None, ge=1e-3, le=100, description="µm per px")
    cell_radius: float | None = Field(
        default=None, ge=0.5, le=MAX_SIDE, description="measured typical radius of a cell in px"
    )
    licence: str | None = Field(default=None, description="licence of the images")
    citation: str | None = Field(default=None, description="citation of the images")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed of the roles and of --max-per-class")

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
    match = re.search(pattern, name)
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
