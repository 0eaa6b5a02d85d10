"""Training of one network for all radii, and fine-tuning at one."""

import numpy as np
import torch
from torch import Tensor

from cellbench.errors import SettingError
from cellbench.models import AutoEncoder
from cellbench.radius_conditioned.mask import RADII, RadiusConditioned, RadiusConditionedMasked, RadiusConditionedParams
from cellbench.radius_conditioned.network import ConditionalAutoEncoder
from cellbench.registry import nearest
from cellbench.suppression import PAPER_SIZE, Suppression, Weights
from cellbench.suppression.mask import SHAPES
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.trainer import Pass, Patches, Trainer

MASKS = {"whole": RadiusConditioned, "masked": RadiusConditionedMasked}
"""Suppressions by what the encoder sees of a patch, in addition to the map."""
PREFIX = "radius_conditioned_"
"""The method of a configuration is this prefix and a name of `MASKS`. It is not a method of a search."""


def configuration_of(
    native_size: int, seen: str, shape: str, lr: float, beta: float, latent_dim: int = 256
) -> Configuration:
    """Return the configuration of a radius-conditioned training with the default range of radii.

    Args:
        native_size: Side of the data set's patches in px.
        seen: What the encoder sees: a name of `MASKS`.
        shape: Shape of the mask. Its weights are divided by their mean.
        lr: Peak learning rate.
        beta: Weight of the KL term.
        latent_dim: Number of latent units.

    Raises:
        SettingError: `shape` or `seen` is unknown.
    """
    if seen not in MASKS:
        raise SettingError(f"The encoder cannot see '{seen}' patches; {nearest(seen, MASKS)}")
    low, high = (radius * native_size / PAPER_SIZE for radius in RADII)
    if shape not in SHAPES:
        raise SettingError(f"There is no mask of shape '{shape}'; {nearest(shape, SHAPES)}")
    params: dict[str, float | bool | str] = {"r_low": low, "r_high": high, "shape": shape, "normalize": True}
    return Configuration(method=PREFIX + seen, params=params, lr=lr, beta=beta, latent_dim=latent_dim)


class RadiusConditionedTrainer(Trainer):
    """Trains a network with a random radius for each patch; all else is as in any trial.

    Args:
        configuration: Configuration of `configuration_of`; its params are those of `RadiusConditionedParams`.
        settings: Settings that all trials share.
        patches: uint8, patches at the network size S, shape (N, S, S, 3).
        rows: Rows of `patches` to train on.
        native_size: Side of the data set's patches in px.
        seed: Seed of the initial weights and of all random draws.
        device: Device of the training.
    """

    suppression: RadiusConditioned

    def __init__(
        self,
        configuration: Configuration,
        settings: TrainingSettings,
        patches: Patches,
        rows: np.ndarray,
        native_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        super().__init__(configuration, settings, patches, rows, native_size, seed, device)
        self.patches, self.rows, self.native_size = patches, rows, native_size

    def _built(self, native_size: int) -> tuple[AutoEncoder, Suppression]:
        settings, latent_dim = self.settings, self.configuration.latent_dim
        params = RadiusConditionedParams.model_validate(self.configuration.params)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            kind = MASKS[self.configuration.method.removeprefix(PREFIX)]
            mask = kind(params, native_size, settings.network_size, latent_dim)
            model = ConditionalAutoEncoder(settings.encoder, mask.view_size, latent_dim, settings.encoder_weights)
        return model, mask

    def _pass(self, patches: Tensor, generator: torch.Generator) -> Pass:
        radii = self.suppression.draw(len(patches), generator)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._autocast):
            inputs = self.suppression.encoder_input(patches, radii).contiguous(memory_format=torch.channels_last)
            posterior = self.model.encode(inputs)
            latent = torch.cat((posterior.sample(generator), self.suppression.decoder_input(radii)), dim=1)
            outputs = self.model.decode(latent).float()
        weights = Weights(self.suppression.maps(radii), radii, radii.new_zeros(()))
        return Pass(outputs, patches, posterior, weights)


def fine_tune(trained: RadiusConditionedTrainer, radius: float, epochs: int, lr: float) -> RadiusConditionedTrainer:
    """Return a trainer that continues with a copy of a trained network at one radius.

    Args:
        trained: Trainer of the network for all radii. It is not changed.
        radius: r_max in native px.
        epochs: Number of epochs of the returned trainer. Its learning-rate schedule spans them.
        lr: Peak learning rate.
    """
    params = {**trained.configuration.params, "r_low": radius, "r_high": radius}
    configuration = trained.configuration.model_copy(update={"params": params, "lr": lr})
    settings = trained.settings.model_copy(update={"epochs": epochs})
    tuned = RadiusConditionedTrainer(
        configuration, settings, trained.patches, trained.rows, trained.native_size, trained.seed, trained.device
    )
    tuned.model.load_state_dict(trained.model.state_dict())
    return tuned
