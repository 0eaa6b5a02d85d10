"""Checkpoints of a training: tensors and numbers only, written atomically."""

import os
from pathlib import Path
from typing import Any, BinaryIO

import torch

from cellbench.disk import explained
from cellbench.errors import TrainingError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; an earlier one stays intact until the new one is complete.

    Args:
        path: File to write.
        state: Tensors and numbers.

    Raises:
        StoreError: The checkpoint cannot be written, for example because the disk is full.
    """
    part = path.with_name(path.name + ".part")
    with explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                _write(state, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _write(state: dict[str, Any], file: BinaryIO) -> None:
    """Write a state. torch reports a full disk as a RuntimeError whose context is the error of the system."""
    try:
        torch.save(state, file)
    except RuntimeError as error:
        cause = error.__context__
        raise (cause if isinstance(cause, OSError) else OSError(str(error).splitlines()[0])) from error


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """Return the state in a checkpoint; no code in the file is run.

    Args:
        path: File that `save_checkpoint` wrote.
        device: Device of the tensors.

    Raises:
        TrainingError: The file is missing or damaged.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        raise TrainingError(f"The checkpoint {path} cannot be read ({error}).") from error
    if not isinstance(state, dict):
        raise TrainingError(f"The checkpoint {path} was not written by cellbench.")
    return state
