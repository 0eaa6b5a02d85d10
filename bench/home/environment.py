"""The versions that a search runs with, kept in its folder."""

import json
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cellbench.disk import write_text
from cellbench.errors import DataError
from cellbench.input_files import read_text

PACKAGES = ("cellbench", "torch", "timm", "ray", "mlflow", "optuna", "scikit-learn", "numpy", "pandas")
"""Packages whose versions are recorded."""


class Environment(BaseModel):
    """What a search, or a part of it, ran with on the machine that it was started on.

    Attributes:
        since: Time from which it was used, seconds since the Unix epoch.
        code: Commit of the checkout, with `-dirty` where files were changed; without a checkout the package's version.
        python: Version of Python.
        packages: Version of each package, by name; those that are not installed are left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: float = Field(ge=0, le=4e9)
    code: str
    python: str
    packages: dict[str, str]

    @classmethod
    def present(cls, code: str) -> "Environment":
        """Return the environment of this process.

        Args:
            code: Commit of the code that runs.
        """
        found = {name: known for name in PACKAGES if (known := _version(name)) is not None}
        return cls(since=time.time(), code=code, python=platform.python_version(), packages=found)

    def in_words(self) -> str:
        """Return the versions as one text."""
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return f"commit {self.code}, Python {self.python}, {packages}"


_LIST = TypeAdapter(list[Environment])


def record_environment(path: Path, present: Environment) -> None:
    """Add an environment to a file of environments, unless it equals the last one but for its time.

    A search that is resumed with other versions therefore has several, in the order of their use.

    Raises:
        DataError: The file is damaged.
        StoreError: The file cannot be written.
    """
    known = read_environments(path)
    if known and known[-1] == present.model_copy(update={"since": known[-1].since}):
        return
    write_text(path, json.dumps([each.model_dump() for each in (*known, present)], indent=1) + "\n")


def read_environments(path: Path) -> list[Environment]:
    """Return the environments in a file; none where it is missing, as in searches of older versions.

    Raises:
        DataError: The file is damaged.
    """
    try:
        return _LIST.validate_json(read_text(path))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is damaged; remove it. It only names the versions that the search ran with."
        ) from error


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
