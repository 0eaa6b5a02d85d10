"""What a floor is, what it is computed with, and the registry of all floors.

A new floor is one file in this package. Its class is registered by name. An instance is made from a `FloorContext`; it
is fitted on the patches of the pool, and the fitted floor embeds any patches:

    @FLOORS.register("mean_colour", "mean of each channel")
    class MeanColour(Floor):
        ...

Another package adds a floor by an entry point of the group `cellbench.floors` that names such a class.
`cellbench.testing.floors` has the tests that every floor passes.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cellbench.errors import DataError, SettingError
from cellbench.registry import Registry

if TYPE_CHECKING:
    from cellbench.training.configuration import Configuration, TrainingSettings

State = Mapping[str, np.ndarray]
"""State of a fitted floor: numeric arrays by name, which safetensors and npz hold without pickle."""


class UnavailableFloorError(SettingError):
    """A floor cannot be computed here. The message is a sentence that says why, and what to do."""


@dataclass(frozen=True)
class CellRadius:
    """The typical radius of the cells of a data set, found without class labels.

    Attributes:
        px: Radius in native px; None where it is unknown.
        source: `annotated` or `estimated`; where the radius is unknown, why, as part of a sentence.
    """

    px: float | None
    source: str


@dataclass(frozen=True)
class FloorMask:
    """The mask or crop that a floor sees patches through, usually that of the best method of a search.

    Attributes:
        configuration: Method and hyperparameters.
        r_max: Trained radius of the mask in native px; None where the hyperparameters give the whole mask.
    """

    configuration: Configuration
    r_max: float | None = None


@dataclass(frozen=True)
class FloorContext:
    """What floors are computed with, beside the patches.

    Attributes:
        native_size: Side of the data set's patches in px.
        settings: Settings of the search: encoder, network size, views and representation.
        seeds: Seeds of the floors that are random.
        radius: Typical radius of the cells.
        mask: Mask or crop; None where no method has one.
        device: Device that embeds, as torch names it.
    """

    native_size: int
    settings: TrainingSettings
    seeds: tuple[int, ...]
    radius: CellRadius
    mask: FloorMask | None = None
    device: str = "cpu"


class FittedFloor(ABC):
    """A floor that was fitted on a pool and embeds patches of any data set with the same native size.

    Attributes:
        source_size: Side in px of the patches that `embed` expects.
    """

    source_size: int

    @abstractmethod
    def embed(self, patches: np.ndarray, device: str = "cpu") -> np.ndarray:
        """Return the embeddings of patches.

        Args:
            patches: uint8, 0–255, shape (N, source_size, source_size, 3). N may be 0.
            device: Device that computes.

        Returns:
            Finite float32, shape (N, D). D does not depend on the patches.
        """

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Return all that `Floor.restore` needs to make this fitted floor again: numeric arrays in C order."""


class Floor(ABC):
    """A representation that needs neither labels nor gradients.

    Args:
        context: What floors are computed with.

    Raises:
        UnavailableFloorError: The context lacks what this floor needs.
    """

    version: ClassVar[int] = 1
    """Raised with each change of the numbers, so that embeddings of an older version are not read from the cache."""
    is_random: ClassVar[bool] = False
    """Whether a seed changes the embeddings. Such a floor is fitted once for each seed of the context."""
    uses_mask: ClassVar[bool] = False
    """Whether `FloorContext.mask` changes the embeddings."""
    typical_seconds: ClassVar[float] = 10.0
    """Rough time of one core for 1 000 patches in eight views. It only decides the order of computation."""

    @abstractmethod
    def __init__(self, context: FloorContext) -> None: ...

    @property
    @abstractmethod
    def source_size(self) -> int:
        """Side in px of the patches that the floor sees."""

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """All that the embeddings depend on, beside patches, seed and version: values that JSON holds."""

    @abstractmethod
    def fit(self, pool: np.ndarray, seed: int) -> FittedFloor:
        """Fit the floor on the patches of the pool.

        Args:
            pool: uint8, 0–255, shape (N, source_size, source_size, 3), N ≥ 1.
            seed: Seed of all random draws. It is always 0 unless `is_random`.
        """

    @classmethod
    @abstractmethod
    def restore(cls, state: State) -> FittedFloor:
        """Return a fitted floor from its state.

        Raises:
            DataError: The state does not belong to this floor.
        """


FLOORS: Registry[type[Floor]] = Registry("floor", entry_points="cellbench.floors")


def packed(values: Mapping[str, Any]) -> np.ndarray:
    """Return values that JSON holds as one array of a state: UTF-8, uint8, shape (n,)."""
    return np.frombuffer(json.dumps(values, sort_keys=True, allow_nan=False).encode(), np.uint8).copy()


def unpacked(state: State, name: str = "about") -> dict[str, Any]:
    """Return the values that `packed` wrote into a state.

    Args:
        state: State of a fitted floor.
        name: Name of the array.

    Raises:
        DataError: The array is missing, or is not what `packed` writes.
    """
    try:
        values = json.loads(np.asarray(state[name], np.uint8).tobytes())
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"The state of a floor has no readable array '{name}'; fit the floor again.") from error
    if not isinstance(values, dict):
        raise DataError(f"The array '{name}' in the state of a floor is not a JSON object; fit the floor again.")
    return values
