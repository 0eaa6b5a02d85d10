"""A prototype that is only measured: several configurations of `mask_fixed` trained as one batched model.

Configurations that differ in radius, beta, learning rate and seed have tensors of the same shapes. One call of
`torch.func.vmap` can therefore train all of them for one step. The aim is a better use of a GPU by small networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from cellbench.models import AutoEncoder
from cellbench.suppression.mask import radial_weights

BETAS, EPS = (0.9, 0.999), 1e-8
"""Defaults of Adam in torch."""


@dataclass(frozen=True)
class Trial:
    """Hyperparameters of one configuration.

    Attributes:
        r_max: Radius of the mask in px of the patches.
        beta: Weight of the KL term.
        lr: Learning rate.
        seed: Seed of the initial weights and of the noise of the latent.
    """

    r_max: float
    beta: float
    lr: float
    seed: int


def loss_of(
    model: nn.Module, state: Any, batch: Tensor, noise: Tensor, weights: Tensor, beta: Tensor | float
) -> Tensor:
    """Compute the loss of `mask_fixed`.

    Args:
        model: The auto-encoder.
        state: Parameters and buffers to use. Empty: those of the model.
        batch: Patches, 0–1, shape (B, 3, S, S).
        noise: Standard normal noise, shape (B, latent_dim).
        weights: Weight of each pixel, shape (1, 1, S, S).
        beta: Weight of the KL term.
    """
    outputs, kl = functional_call(model, state, (batch, noise)) if state else model(batch, noise)
    return (weights * (outputs.float() - batch).abs()).mean() + beta * kl


class Whole(nn.Module):
    """An auto-encoder as one call, from a batch and noise to reconstructions and the mean KL term."""

    def __init__(self, encoder: str, size: int, latent_dim: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.auto_encoder = AutoEncoder(encoder, size, latent_dim, variational=True)

    def forward(self, batch: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the reconstructions, shape (B, 3, S, S), and the mean of the KL term."""
        posterior = self.auto_encoder.encode(batch)
        assert posterior.log_variance is not None
        latent = posterior.mean + noise * (posterior.log_variance / 2).exp()
        return self.auto_encoder.decode(latent), posterior.kl().mean()


class Separate:
    """Trains the trials one after another, like a search: the reference for `Fused`."""

    def __init__(self, trials: Sequence[Trial], encoder: str, size: int, latent_dim: int, device: torch.device) -> None:
        self.models = [
            Whole(encoder, size, latent_dim, trial.seed).to(device).to(memory_format=torch.channels_last)
            for trial in trials
        ]
        self._optimizers = [
            torch.optim.Adam(model.parameters(), lr=trial.lr, fused=True)
            for model, trial in zip(self.models, trials, strict=True)
        ]
        self._weights = maps_of(trials, size, device)
        self._betas = [trial.beta for trial in trials]
        self._device = device

    def step(self, batches: Tensor, noise: Tensor) -> Tensor:
        """Train each trial for one step and return the losses; see `Fused.step`."""
        losses = []
        for number, (model, optimizer) in enumerate(zip(self.models, self._optimizers, strict=True)):
            optimizer.zero_grad(set_to_none=True)
            with _autocast(self._device):
                arguments = batches[number], noise[number], self._weights[number], self._betas[number]
                loss = loss_of(model, None, *arguments)
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses)


class Fused:
    """Trains all trials as one model. The first axis of every parameter is the trial."""

    def __init__(self, trials: Sequence[Trial], encoder: str, size: int, latent_dim: int, device: torch.device) -> None:
        models = [Whole(encoder, size, latent_dim, trial.seed).to(device) for trial in trials]
        parameters, buffers = stack_module_state(list(models))
        self.parameters = {name: tensor.detach() for name, tensor in parameters.items()}
        self.buffers = buffers
        self._lr = torch.tensor([trial.lr for trial in trials], device=device)
        self._betas = torch.tensor([trial.beta for trial in trials], device=device)
        self._weights = maps_of(trials, size, device)
        self._means = [torch.zeros_like(tensor) for tensor in self.parameters.values()]
        self._squares = [torch.zeros_like(tensor) for tensor in self.parameters.values()]
        self._n_steps, self._device = 0, device
        skeleton = models[0]

        def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor], *arguments: Tensor) -> Tensor:
            return loss_of(skeleton, (parameters, buffers), *arguments)

        self._gradients = vmap(grad_and_value(loss))

    def step(self, batches: Tensor, noise: Tensor) -> Tensor:
        """Train all trials for one step at once.

        Args:
            batches: Batch of each trial, 0–1, shape (trials, B, 3, S, S).
            noise: Standard normal noise, shape (trials, B, latent_dim).

        Returns:
            Loss of each trial before the step, shape (trials,).
        """
        with _autocast(self._device):
            gradients, losses = self._gradients(
                self.parameters, self.buffers, batches, noise, self._weights, self._betas
            )
        self._adam([gradients[name] for name in self.parameters])
        return losses

    def _adam(self, gradients: list[Tensor]) -> None:
        """Apply a step of Adam with a learning rate for each trial, which torch's Adam does not support."""
        self._n_steps += 1
        parameters, (first, second) = list(self.parameters.values()), BETAS
        torch._foreach_lerp_(self._means, gradients, 1 - first)
        torch._foreach_mul_(self._squares, second)
        torch._foreach_addcmul_(self._squares, gradients, gradients, 1 - second)
        scales = torch._foreach_sqrt(self._squares)
        torch._foreach_div_(scales, (1 - second**self._n_steps) ** 0.5)
        torch._foreach_add_(scales, EPS)
        steps = torch._foreach_div(self._means, scales)
        rate = self._lr / (1 - first**self._n_steps)
        rates = [rate.view(-1, *[1] * (tensor.ndim - 1)) for tensor in parameters]
        torch._foreach_mul_(steps, rates)
        torch._foreach_sub_(parameters, steps)


def maps_of(trials: Sequence[Trial], size: int, device: torch.device) -> Tensor:
    """Return the loss weights of each trial, shape (trials, 1, 1, S, S)."""
    radii = torch.tensor([trial.r_max for trial in trials], device=device)
    return radial_weights(radii, size, size, "sqrt", True)[:, None]


def _autocast(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
