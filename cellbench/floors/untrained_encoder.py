"""The floor `random`: the encoder of the search before any training."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from cellbench.errors import DataError
from cellbench.floors.base import FLOORS, FittedFloor, Floor, FloorContext, State, packed, unpacked

if TYPE_CHECKING:
    from cellbench.models import AutoEncoder
    from cellbench.suppression import Suppression
    from cellbench.training.configuration import TrainingSettings

SETTINGS = ("encoder", "encoder_weights", "network_size", "views", "representation")
"""Settings of a search that the embeddings depend on."""


@FLOORS.register("random", "the untrained encoder, with its residual branches open")
class UntrainedEncoder(Floor):
    """The means μ of the encoder with its initial weights, means over the views of the search.

    The state has the seed and a digest of the weights in place of the weights, which take 45 MB for a ResNet-18.
    """

    is_random = True
    typical_seconds = 30.0

    def __init__(self, context: FloorContext) -> None:
        self._settings, self._native_size = context.settings, context.native_size

    @property
    def source_size(self) -> int:
        """Side in px of the patches that the floor sees."""
        return self._settings.network_size

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings of the encoder, with a digest of the file of its first weights."""
        path = self._settings.encoder_weights
        content = None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()
        return {**_chosen(self._settings), "encoder_weights": content, "native_size": self._native_size}

    def fit(self, pool: np.ndarray, seed: int) -> FittedFloor:
        """Return the encoder with the initial weights of a seed. It does not depend on the pool."""
        return FittedEncoder(self._settings, self._native_size, seed)

    @classmethod
    def restore(cls, state: State) -> FittedFloor:
        """Return a fitted floor from its state.

        Raises:
            DataError: The state is damaged, or another version of torch or timm made other initial weights.
            SettingError: The encoder is unknown, or the file of its first weights is missing.
        """
        from cellbench.training.configuration import TrainingSettings

        about = unpacked(state)
        try:
            settings = TrainingSettings.model_validate({name: about[name] for name in SETTINGS})
            fitted = FittedEncoder(settings, int(about["native_size"]), int(about["seed"]))
            same = fitted.digest == about["weights"]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"The state is not that of the floor random ({error}); fit the floor again.") from error
        if not same:
            raise DataError(
                "The floor random cannot be made again: its seed gives other initial weights here. Install the "
                "versions of torch and timm that it was fitted with, or fit it again."
            )
        return fitted


class FittedEncoder(FittedFloor):
    """The encoder with the initial weights of a seed.

    Args:
        settings: Settings of the search.
        native_size: Side of the data set's patches in px.
        seed: Seed of the weights.
    """

    def __init__(self, settings: TrainingSettings, native_size: int, seed: int) -> None:
        self._settings, self._native_size, self._seed = settings, native_size, seed
        self._model, self._suppression = _untrained(settings, native_size, seed)
        self.digest = _digest(self._model)
        self.source_size = self._suppression.source_size

    def embed(self, patches: np.ndarray, device: str = "cpu") -> np.ndarray:
        """Return the means over views of μ, or of one sample of z each; float32, shape (N, units)."""
        import torch

        from cellbench.training.embedding import embed, sample_generator

        where, rows = torch.device(device), np.arange(len(patches))
        sampled = self._settings.representation == "sample"
        generator = sample_generator(self._seed, rows, where) if sampled else None
        model = self._model.to(where)
        return embed(model, self._suppression, patches, rows, where, generator, self._settings.views)

    def state(self) -> dict[str, np.ndarray]:
        """Return settings, seed, and a digest of the weights."""
        about = {"native_size": self._native_size, "seed": self._seed, "weights": self.digest}
        return {"about": packed(_chosen(self._settings) | about)}


def _chosen(settings: TrainingSettings) -> dict[str, Any]:
    return settings.model_dump(mode="json", include=set(SETTINGS))


def _untrained(settings: TrainingSettings, native_size: int, seed: int) -> tuple[AutoEncoder, Suppression]:
    from cellbench.models.encoder import open_residual_branches
    from cellbench.training.configuration import Configuration
    from cellbench.training.trainer import build

    model, suppression = build(Configuration(method="vae"), settings, native_size, seed)
    open_residual_branches(model.encoder)
    return model, suppression


def _digest(model: AutoEncoder) -> str:
    """Return the SHA-256 of the weights of an auto-encoder."""
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
