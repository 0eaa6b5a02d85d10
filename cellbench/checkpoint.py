"""Checkpoints of a training: tensors and numbers only, replaced atomically."""

import os
from pathlib import Path
from typing import Any

import torch

from cellbench.errors import TrainingError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; an earlier one stays intact until the new one is complete.

    Raises:
        TrainingError: It cannot be written (the disk is full, say).
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise TrainingError(f"The checkpoint {path} cannot be written ({error}).") from error


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
