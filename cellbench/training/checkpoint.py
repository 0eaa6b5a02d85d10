"""Checkpoints of a training: tensors and numbers only, replaced atomically."""

import os
from pathlib import Path
from typing import Any, BinaryIO

import torch

from cellbench.disk import explained
from cellbench.errors import TrainingError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; an earlier one stays intact until the new one is complete.

    Raises:
        StoreError: It cannot be written (the disk is full, say).
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
    """Write a state; torch reports a full disk as an error of its own, with the system's as its context."""
    try:
        torch.save(state, file)
    except RuntimeError as error:
        cause = error.__context__
        raise (cause if isinstance(cause, OSError) else OSError(str(error).splitlines()[0])) from error


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a checkpoint; no code in it is ever run.

    Raises:
        TrainingError: It is missing or damaged.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        raise TrainingError(f"The checkpoint {path} cannot be read ({error}).") from error
    if not isinstance(state, dict):
        raise TrainingError(f"The checkpoint {path} is not one of cellbench.")
    return state
