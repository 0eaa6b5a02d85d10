"""What a user can say about an import."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cellbench.errors import SettingError
from cellbench.patches.border import Border


class ImportOptions(BaseModel):
    """Options of all importers; lengths are in native px."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    patch_size: int | None = Field(default=None, ge=8, description="side of the patches; default: the smallest image")
    border: Border = Field(default="reflect", description="mirror or drop patches that reach over an image's border")
    max_per_class: int | None = Field(default=None, ge=1, description="keep at most so many patches of a class")
    min_per_class: int = Field(default=20, ge=2, description="classes with fewer patches are not scored")
    label_pattern: str | None = Field(
        default=None, description="regular expression that finds the class in a file name"
    )
    group_pattern: str | None = Field(default=None, description="regular expression that finds the group in a path")
    rename: dict[str, str] = Field(default_factory=dict, description="new names of classes, by their old names")
    labels: str | None = Field(default=None, description="CSV file of image and class, for images without folders")
    um_per_px: float | None = Field(default=None, gt=0, description="µm per px")
    cell_radius: float | None = Field(default=None, gt=0, description="typical radius of a cell, as measured")
    licence: str | None = Field(default=None, description="licence of the images")
    citation: str | None = Field(default=None, description="what to cite")
    seed: int = Field(default=0, ge=0, description="seed of the roles and of --max-per-class")

    @field_validator("label_pattern", "group_pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"must be a regular expression ({error})") from error
        return pattern


def find(pattern: str, name: str, group: str) -> str | None:
    """Return what a pattern finds in a name: its group of that name, else its first group, else all of the match.

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
    """Return the class that a label pattern finds in each file name; None where it finds none.

    Raises:
        SettingError: It finds none in any of them.
    """
    labels = [find(pattern, name, "label") for name in names]
    if names and not any(labels):
        raise SettingError(
            f"--label-pattern '{pattern}' finds a class in none of {len(names)} file names, such as {names[0]}."
        )
    return labels
