"""What a classifier embeds patches with: a trained encoder, or a fitted floor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from cellbench.floors import FLOORS, FittedFloor
from cellbench.input_files import read_bytes
from cellbench.models import AutoEncoder
from cellbench.suppression import Suppression
from cellbench.training.embedding import embed
from cellbench.trials.files import read_encoder
from cellbench.trials.names import ENCODER, MODEL

FLOOR = "floor.safetensors"
MAX_FLOOR_BYTES = 2**33
"""Largest size of a floor's file that is read."""


class Representation(ABC):
    """Embeds patches, and is read again from files that contain no code."""

    @property
    @abstractmethod
    def floor(self) -> str:
        """Name of the floor; empty for a trained encoder."""

    @property
    @abstractmethod
    def source_size(self) -> int:
        """Side in px of the patches that `embed` expects."""

    @abstractmethod
    def embed(self, patches: np.ndarray) -> np.ndarray:
        """Return the embeddings, float32, shape (N, D), of uint8 patches of shape (N, source_size, source_size, 3)."""

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write all that `read_representation` needs into an existing folder."""


@dataclass(frozen=True)
class TrainedEncoder(Representation):
    """The encoder of a finished trial.

    Attributes:
        directory: Folder that the encoder was read from.
        model: The trained auto-encoder.
        suppression: Its suppression, which selects what the encoder sees.
        views: Symmetries of the square that an embedding is the mean of.
        probe: Name of the probe that scored the trial.
    """

    directory: Path
    model: AutoEncoder
    suppression: Suppression
    views: int
    probe: str

    @classmethod
    def read(cls, directory: Path) -> TrainedEncoder:
        """Return the encoder in a folder.

        Raises:
            DataError: The folder has no readable encoder.
        """
        model, suppression, settings = read_encoder(directory)
        return cls(directory, model, suppression, settings.views, settings.probe)

    @property
    def floor(self) -> str:
        """Return an empty text."""
        return ""

    @property
    def source_size(self) -> int:
        """Return the source size of the suppression in px."""
        return self.suppression.source_size

    def embed(self, patches: np.ndarray) -> np.ndarray:
        """Return the mean of μ over the views."""
        rows, device = np.arange(len(patches)), torch.device("cpu")
        return embed(self.model, self.suppression, patches, rows, device, views=self.views)

    def save(self, directory: Path) -> None:
        """Copy the files of the encoder."""
        for name in (ENCODER, MODEL):
            (directory / name).write_bytes((self.directory / name).read_bytes())


@dataclass(frozen=True)
class FloorRepresentation(Representation):
    """A floor that was fitted on the pool.

    Attributes:
        name: Name of the floor.
        fitted: The fitted floor.
    """

    name: str
    fitted: FittedFloor

    @classmethod
    def read(cls, directory: Path, name: str) -> FloorRepresentation:
        """Return the floor in a folder.

        Args:
            directory: Folder that `save` wrote.
            name: Name of the floor.

        Raises:
            NotFoundError: No floor has this name.
            DataError: The state does not belong to this floor.
            OSError: The file cannot be read.
        """
        return cls(name, FLOORS.get(name).restore(load_arrays(read_bytes(directory / FLOOR, MAX_FLOOR_BYTES))))

    @property
    def floor(self) -> str:
        """Return the name of the floor."""
        return self.name

    @property
    def source_size(self) -> int:
        """Return the side in px of the patches that the floor sees."""
        return self.fitted.source_size

    def embed(self, patches: np.ndarray) -> np.ndarray:
        """Return the embeddings of the floor."""
        return self.fitted.embed(patches)

    def save(self, directory: Path) -> None:
        """Write the state of the floor as safetensors."""
        state = {name: np.asarray(array, order="C") for name, array in self.fitted.state().items()}
        (directory / FLOOR).write_bytes(save_arrays(state))


def read_representation(directory: Path, floor: str) -> Representation:
    """Return the representation of a saved classifier.

    Args:
        directory: Folder of the classifier.
        floor: Name of its floor; empty for a trained encoder.

    Raises:
        NotFoundError: No floor has this name.
        DataError: A file is damaged.
        OSError: A file cannot be read.
    """
    return FloorRepresentation.read(directory, floor) if floor else TrainedEncoder.read(directory)
