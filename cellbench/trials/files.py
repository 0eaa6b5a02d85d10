"""The files in the folder of a finished trial."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import load_file, save

from cellbench.disk import replaced_file, write_text
from cellbench.errors import DataError
from cellbench.geometry import square
from cellbench.input_files import load_json, read_text
from cellbench.models import AutoEncoder
from cellbench.patches.card import Card
from cellbench.patches.patchset import PatchSet
from cellbench.scores.reconstruction import reconstruct
from cellbench.suppression import Suppression
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.embedding import evaluation, to_unit
from cellbench.training.trainer import Trainer, build
from cellbench.trials.job import TrialJob
from cellbench.trials.names import CONFIGURATION, ENCODER, MODEL, RECONSTRUCTIONS, RESULT


def read_result(directory: Path, identity: dict[str, Any]) -> dict[str, float] | None:
    """Return the metrics of a finished trial; None where the folder has no result of this very trial.

    Args:
        directory: Folder of the trial.
        identity: `TrialJob.identity` of the trial.
    """
    try:
        found = load_json(read_text(directory / RESULT))
        # A result of an older version lacks the settings that were added since; their defaults are what it did.
        settings = TrainingSettings.model_validate(found["job"]["settings"]).model_dump(mode="json")
        same, metrics = found["job"] | {"settings": settings} == identity, found["metrics"]
    except (OSError, ValueError, TypeError, KeyError):  # missing or damaged: the trial is trained again
        return None
    return metrics if same and isinstance(metrics, dict) else None


def write_result(directory: Path, job: TrialJob, metrics: dict[str, float]) -> None:
    """Write the configuration as YAML, then the result as JSON; the result is complete or missing."""
    text = yaml.safe_dump(job.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(directory / CONFIGURATION, text)
    write_text(directory / RESULT, json.dumps({"job": job.identity, "metrics": metrics}, indent=1))


def write_encoder(directory: Path, job: TrialJob, model: AutoEncoder, suppression: Suppression, card: Card) -> None:
    """Write the weights as safetensors, and the description that rebuilds the model as JSON."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"suppression.{name}": tensor for name, tensor in suppression.state_dict().items()}
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replaced_file(directory / ENCODER) as part:
        part.write_bytes(save(plain))  # save_file makes files that only their owner can read
    description = {
        "configuration": job.configuration.model_dump(mode="json"),
        "settings": job.settings.model_dump(mode="json"),
        "native_size": card.native_size,
        "um_per_px": card.um_per_px,
        "fingerprint": card.fingerprint,
    }
    write_text(directory / MODEL, json.dumps(description, indent=1))


def read_encoder(directory: Path) -> tuple[AutoEncoder, Suppression, TrainingSettings]:
    """Return the auto-encoder, the suppression and the settings that `write_encoder` wrote.

    Args:
        directory: Folder of the trial.

    Raises:
        DataError: The files are missing or damaged.
    """
    try:
        description = load_json(read_text(directory / MODEL))
        configuration = Configuration.model_validate(description["configuration"])
        # The encoder's weights are among those below; the file of its initial weights may be gone.
        settings = TrainingSettings.model_validate(description["settings"] | {"encoder_weights": None})
        model, suppression = build(configuration, settings, description["native_size"], seed=0)
        tensors = load_file(directory / ENCODER)
        for prefix, module in (("model.", model), ("suppression.", suppression)):
            own = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
            module.load_state_dict(own)
    except Exception as error:
        raise DataError(f"{directory} has no trained encoder that can be read ({error}).") from error
    return model.eval(), suppression.eval(), settings


def save_reconstructed(
    directory: Path, job: TrialJob, trainer: Trainer, patch_set: PatchSet, source: np.ndarray, rows: np.ndarray
) -> None:
    """Draw `reconstructions.png`.

    Args:
        directory: Folder to write to.
        job: The trial, for the title.
        trainer: The trainer, with the trained model and its suppression.
        patch_set: The data set.
        source: Its patches at the suppression's source size S, uint8, shape (N, S, S, 3).
        rows: Rows of the patches to draw.
    """
    from cellbench.trials.figures import save_reconstructions

    model, suppression, device = trainer.model, trainer.suppression, trainer.device
    native, shown = to_unit(patch_set.patches[rows], device), to_unit(source[rows], device)
    with evaluation(model, suppression), torch.no_grad():
        drawn = reconstruct(model, suppression, shown, native)
        latent = model.encode(suppression.view(shown, None, training=False)[0]).mean
        weights = suppression.weights(latent, native.shape[-1], None)
    maps = weights.map[:, 0].expand(len(rows), -1, -1)
    seen = torch.from_numpy(square(native.shape[-1], suppression.window)).to(maps.device)
    save_reconstructions(
        directory / RECONSTRUCTIONS,
        native.permute(0, 2, 3, 1).cpu().numpy(),
        drawn.permute(0, 2, 3, 1).cpu().numpy(),
        (maps * seen).cpu().numpy(),
        None if weights.r_max is None else weights.r_max.expand(len(rows)).cpu().numpy(),
        f"{job.configuration.method} {job.key}",
    )
