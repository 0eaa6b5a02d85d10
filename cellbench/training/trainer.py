"""The training loop."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cellbench.errors import TrainingError
from cellbench.models import AutoEncoder, Posterior
from cellbench.suppression import Suppression, Weights, build_suppression
from cellbench.training.augment import random_symmetry, stain_jitter
from cellbench.training.checkpoint import load_checkpoint, save_checkpoint
from cellbench.training.configuration import Configuration, TrainingSettings

Patches = np.ndarray
"""uint8, shape (N, S, S, 3): a memory map or an array."""


def build(
    configuration: Configuration, settings: TrainingSettings, native_size: int, seed: int
) -> tuple[AutoEncoder, Suppression]:
    """Return an untrained auto-encoder and its suppression.

    Args:
        configuration: Method and hyperparameters.
        settings: Settings that all trials share.
        native_size: Side in px of the data set's patches.
        seed: Seed of the initial weights.

    Raises:
        SettingError: The encoder or a hyperparameter is unknown or does not fit.
        NotFoundError: The method is unknown.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        suppression = build_suppression(
            configuration.method,
            dict(configuration.params),
            native_size,
            settings.network_size,
            configuration.latent_dim,
        )
        model = AutoEncoder(
            settings.encoder,
            suppression.view_size,
            configuration.latent_dim,
            suppression.variational,
            settings.encoder_weights,
        )
    return model, suppression


class Pass(NamedTuple):
    """The forward pass of a batch: outputs and targets of shape (B, 3, H, W), the posterior, the loss weights."""

    outputs: Tensor
    targets: Tensor
    posterior: Posterior
    weights: Weights


class Trainer:
    """Trains one configuration, one epoch at a time. All randomness of an epoch depends on (seed, epoch) alone.

    Args:
        configuration: Method and hyperparameters.
        settings: Settings that all trials share.
        patches: uint8, shape (N, S, S, 3), where S is the source size of the suppression in px. On the CPU, a memory
            map is read batch by batch; to a GPU, the patches are copied once.
        rows: Rows of `patches` to train on.
        native_size: Side in px of the data set's patches.
        seed: Seed of the initial weights and of all random draws.
        device: Device that trains.
    """

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
        self.configuration, self.settings, self.seed, self.device = configuration, settings, seed, device
        self.epoch = 0
        model, suppression = self._built(native_size)
        self.model = model.to(device).to(memory_format=torch.channels_last)
        self.suppression = suppression.to(device)
        self._source: _Mapped | _Resident
        if device.type == "cuda":
            self._source = _Resident(torch.from_numpy(patches[rows]).to(device))
        else:
            self._source = _Mapped(patches, rows)
        self._steps = -(-len(rows) // settings.batch_size)
        self._parameters = [*self.model.parameters(), *self.suppression.parameters()]
        self._optimizer = torch.optim.Adam(self._parameters, lr=configuration.lr, fused=True)
        self._scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, self._lr_factor)
        self._autocast = settings.precision == "bfloat16" or (settings.precision == "auto" and device.type == "cuda")
        self._loss = torch.compile(self._batch_loss) if settings.compile else self._batch_loss

    @property
    def n_patches(self) -> int:
        """Number of training patches."""
        return len(self._source)

    def run_epoch(self) -> dict[str, float]:
        """Train for one epoch and return its metrics: mean losses, speed and, for radial masks, radius in native px.

        Raises:
            TrainingError: The loss became infinite or NaN.
        """
        generator = torch.Generator(self.device).manual_seed(epoch_seed(self.seed, self.epoch))
        self.model.train()
        self.suppression.train()
        sums = torch.zeros(4, device=self.device, dtype=torch.float64)
        has_radius = False
        start = time.perf_counter()
        # Dropout and stochastic depth of some encoders draw from the global generators.
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(epoch_seed(self.seed, self.epoch))
            for step, batch in enumerate(self._batches(generator)):
                self._optimizer.zero_grad(set_to_none=True)
                loss, reconstruction, kl, r_max = self._loss(batch, self._beta_now(step), generator)
                torch.autograd.backward(loss)
                if self.settings.grad_clip is not None:
                    torch.nn.utils.clip_grad_norm_(self._parameters, self.settings.grad_clip)
                self._optimizer.step()
                self._scheduler.step()
                has_radius = r_max is not None
                radius = r_max.detach().mean() if r_max is not None else torch.zeros_like(loss)
                sums += torch.stack((loss.detach(), reconstruction.detach(), kl.detach(), radius)) * len(batch)
        # The sums are read once per epoch: to read them at each step would make the GPU wait.
        loss, reconstruction, kl, radius = (sums / self.n_patches).tolist()
        if not np.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss} in epoch {self.epoch + 1} (lr {self.configuration.lr:g}, "
                f"beta {self.configuration.beta}); a smaller learning rate or --grad-clip may help."
            )
        self.epoch += 1
        metrics = {
            "train/loss": loss,
            "train/reconstruction": reconstruction,
            "train/kl": kl,
            "speed/patches_per_s": self.n_patches / (time.perf_counter() - start),
        }
        if has_radius:
            metrics["radius/r_max"] = radius
        return metrics

    def save(self, path: Path) -> None:
        """Write a checkpoint; a training that `load`s it continues exactly as this one would."""
        save_checkpoint(
            path,
            {
                "model": self.model.state_dict(),
                "suppression": self.suppression.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "scheduler": self._scheduler.state_dict(),
                "epoch": self.epoch,
                "seed": self.seed,
                "configuration": self.configuration.id,
            },
        )

    def load(self, path: Path) -> None:
        """Continue from a checkpoint of the same configuration and seed.

        Raises:
            TrainingError: The file is damaged or belongs to another trial.
        """
        state = load_checkpoint(path, self.device)
        if (state["configuration"], state["seed"]) != (self.configuration.id, self.seed):
            raise TrainingError(f"The checkpoint {path} belongs to another trial.")
        self.model.load_state_dict(state["model"])
        self.suppression.load_state_dict(state["suppression"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scheduler.load_state_dict(state["scheduler"])
        self.epoch = int(state["epoch"])

    def _built(self, native_size: int) -> tuple[AutoEncoder, Suppression]:
        """Return the untrained auto-encoder and its suppression."""
        return build(self.configuration, self.settings, native_size, self.seed)

    def _batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        order = torch.randperm(self.n_patches, generator=generator, device=self.device)
        for rows in order.tensor_split(self._steps):
            patches = random_symmetry(self._source.batch(rows), self.settings.augment, generator)
            patches = patches.to(torch.float32).div_(255)
            if self.settings.stain_jitter > 0:
                patches = stain_jitter(patches, self.settings.stain_jitter, generator)
            yield patches.contiguous(memory_format=torch.channels_last)

    def _batch_loss(
        self, patches: Tensor, beta: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        outputs, targets, posterior, weights = self._pass(patches, generator)
        reconstruction = (weights.map * (outputs - targets).abs()).mean()
        kl = posterior.kl().mean()
        return reconstruction + beta * kl + weights.penalty, reconstruction, kl, weights.r_max

    def _pass(self, patches: Tensor, generator: torch.Generator) -> Pass:
        """Return the forward pass of a batch, values in 0–1 of shape (B, 3, S, S)."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._autocast):
            inputs, targets = self.suppression.view(patches, generator, training=True)
            posterior = self.model.encode(inputs)
            latent = posterior.sample(generator)
            outputs = self.model.decode(latent).float()
        weights = self.suppression.weights(latent, outputs.shape[-1], generator)
        penalty = weights.penalty + self.suppression.evidence(targets, latent)
        return Pass(outputs, targets, posterior, weights._replace(penalty=penalty))

    def _beta_now(self, step: int) -> float:
        beta = self.configuration.beta
        if beta == "elbo":  # (sum of L1 + sum of KL) / number of values
            beta = self.configuration.latent_dim / (3 * self.suppression.view_size**2)
        ramp = self.settings.kl_warmup * self.settings.epochs * self._steps
        done = self.epoch * self._steps + step
        return beta * min(1.0, (done + 1) / ramp) if ramp > 0 else beta

    def _lr_factor(self, step: int) -> float:
        return lr_factor(step, self.settings.epochs * self._steps, self.settings)


def lr_factor(step: int, total: int, settings: TrainingSettings) -> float:
    """Return the learning rate of a step as a share of the peak.

    Args:
        step: Number of the step, from 0.
        total: Number of steps of the training.
        settings: Schedule and warm-up.
    """
    rise = max(1, round(settings.warmup * total))
    if step < rise:
        return (step + 1) / rise
    if settings.schedule == "constant":
        return 1.0
    return 0.5 * (1 + float(np.cos(np.pi * min(1.0, (step - rise) / max(1, total - rise)))))


class _Mapped:
    """Training patches on the CPU, read batch by batch from the memory map."""

    def __init__(self, patches: Patches, rows: np.ndarray) -> None:
        self._patches, self._rows = patches, rows

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, positions: Tensor) -> Tensor:
        """Return uint8 patches of shape (B, 3, S, S)."""
        return torch.from_numpy(self._patches[self._rows[positions.numpy()]]).permute(0, 3, 1, 2)


class _Resident:
    """Training patches on the GPU."""

    def __init__(self, patches: Tensor) -> None:
        self._patches = patches

    def __len__(self) -> int:
        return len(self._patches)

    def batch(self, positions: Tensor) -> Tensor:
        """Return uint8 patches of shape (B, 3, S, S)."""
        return self._patches[positions].permute(0, 3, 1, 2)


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of all random draws of an epoch."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
