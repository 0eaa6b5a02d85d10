"""The card of a data set: its name, sizes, classes, origin and fingerprint."""

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cellbench.disk import write_text
from cellbench.errors import DataError
from cellbench.yaml_text import parse_yaml

RadiusSource = Literal["annotated", "estimated"]


class Card(BaseModel):
    """The contents of `card.yaml`. Unknown entries are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="name of the data set")
    version: int | str = Field(default=1, description="version of the generator or of the import")
    native_size: int = Field(ge=2, description="side of a patch, native px")
    um_per_px: float | None = Field(default=None, gt=0, description="µm per native px, null if unknown")
    classes: list[str] = Field(description="scored classes, in the order of all scores")
    unscored_classes: dict[str, int] = Field(
        default_factory=dict, description="classes too rare to be scored, with their number of patches"
    )
    licence: str | None = Field(default=None, description="licence of the images")
    citation: str | None = Field(default=None, description="what to cite with a result")
    source: str | None = Field(default=None, description="origin of the images")
    fingerprint: str = Field(min_length=16, description="SHA-256 over patches, masks, labels, groups, radii and roles")
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
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card.

        Raises:
            DataError: The file is missing, is not YAML, or is not a valid card.
        """
        try:
            return cls.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}). Add the data set again.") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise DataError(f"{path} is not valid YAML. Restore it, or add the data set again.") from error
        except ValidationError as error:
            details = "; ".join(
                ": ".join(filter(None, [".".join(map(str, item["loc"])), item["msg"]])) for item in error.errors()
            )
            raise DataError(
                f"{path} is not a valid card ({details}). Correct it, or add the data set again."
            ) from error

    def write(self, path: Path) -> None:
        """Write the card atomically."""
        text = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
        write_text(path, text)
