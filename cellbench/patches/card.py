"""The card of a data set: its name, sizes, classes, origin and fingerprint."""

from collections.abc import Collection, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cellbench.disk import write_text
from cellbench.errors import DataError, listing
from cellbench.input_files import MAX_YAML_BYTES, load_yaml, read_text

RadiusSource = Literal["annotated", "estimated"]


def order_fault(order: Sequence[Sequence[str]], known: Collection[str]) -> str:
    """Return what is wrong with orders of classes, as a sentence; empty where they are right.

    Args:
        order: Orders of classes, each with its first class first.
        known: All classes of the data set, those included that are too rare to be scored.
    """
    names = [name for one in order for name in one]
    if unknown := [name for name in names if name not in known]:
        return f"The class order has unknown classes ({listing(unknown)}); the classes are: {listing(known)}."
    if twice := sorted({name for name in names if names.count(name) > 1}):
        return f"The class order has classes more than once ({listing(twice)}); name each class once."
    if any(len(one) < 2 for one in order):
        return "A class order needs at least two classes, for example PMY,MY,MMY,BNE,SNE."
    return ""


def frequencies_fault(frequencies: Mapping[str, float], known: Collection[str], scored: Collection[str]) -> str:
    """Return what is wrong with class frequencies, as a sentence; empty where they are right or where there are none.

    Args:
        frequencies: Frequencies by class, in any unit.
        known: All classes of the data set, those included that are too rare to be scored.
        scored: The scored classes, each of which needs a frequency.
    """
    if unknown := [name for name in frequencies if name not in known]:
        return f"The class frequencies have unknown classes ({listing(unknown)}); the classes are: {listing(known)}."
    if frequencies and (missing := [name for name in scored if name not in frequencies]):
        return f"The class frequencies lack scored classes ({listing(missing)}); give one for each scored class."
    if wrong := [name for name, value in frequencies.items() if not 0 < value < inf]:
        return f"A class frequency must be above 0 and finite; that of {listing(wrong)} is not."
    return ""


class Card(BaseModel):
    """The contents of `card.yaml`. Unknown entries are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(min_length=1, description="name of the data set")
    version: int | str = Field(default=1, description="version of the generator or of the import")
    native_size: int = Field(ge=2, description="side of a patch, native px")
    um_per_px: float | None = Field(default=None, gt=0, description="µm per native px, null if unknown")
    classes: list[str] = Field(description="scored classes, in the order of all scores")
    unscored_classes: dict[str, int] = Field(
        default_factory=dict, description="classes too rare to be scored, with their number of patches"
    )
    class_order: list[list[str]] = Field(
        default_factory=list, description="orders of classes, as stages of maturation; direct neighbours are alike"
    )
    class_frequencies: dict[str, float] = Field(
        default_factory=dict, description="published natural frequency of every scored class, in any unit"
    )
    licence: str | None = Field(default=None, description="licence of the images")
    citation: str | None = Field(default=None, description="what to cite with a result")
    source: str | None = Field(default=None, description="origin of the images")
    # The names of resized copies begin with the fingerprint, so it must not contain parts of a path.
    fingerprint: str = Field(
        min_length=16,
        pattern="^[A-Za-z0-9]+$",
        description="SHA-256 over patches, masks, labels, groups, radii and roles",
    )
    origin: str | None = Field(
        default=None, description="fingerprint of the data set that this one was made from; both have the same holdout"
    )
    cell_radius_px: float | None = Field(default=None, gt=0, description="typical radius of a cell, native px")
    cell_radius_source: RadiusSource | None = Field(default=None, description="source of the radius")
    groups_known: bool = Field(default=True, description="false: each image is its own group")
    transductive: bool = Field(description="true: pool and labelled patches are the same images")
    seed: int = Field(default=0, description="seed of the roles")
    notes: str = Field(default="", description="remarks that a reader of results needs")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.cell_radius_px is None) != (self.cell_radius_source is None):
            raise ValueError("Give cell_radius_px and cell_radius_source together, or neither.")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("A class appears twice in `classes`.")
        known = [*self.classes, *self.unscored_classes]
        fault = order_fault(self.class_order, known) or frequencies_fault(self.class_frequencies, known, self.classes)
        if fault:
            raise ValueError(fault)
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card.

        Raises:
            DataError: The file is missing, is not YAML, or is not a valid card.
        """
        try:
            return cls.model_validate(load_yaml(read_text(path, MAX_YAML_BYTES)))
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}). Add the data set again.") from error
        except ValidationError as error:
            details = "; ".join(
                ": ".join(filter(None, [".".join(map(str, item["loc"])), item["msg"]])) for item in error.errors()
            )
            raise DataError(
                f"{path} is not a valid card ({details}). Correct it, or add the data set again."
            ) from error
        except ValueError as error:  # not UTF-8, not YAML, or values that are none, such as the date 2026-13-40
            raise DataError(f"{path} is not valid YAML. Restore it, or add the data set again.") from error

    def write(self, path: Path) -> None:
        """Write the card atomically."""
        text = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
        write_text(path, text)
