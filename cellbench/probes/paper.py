"""The paper's probe: three fully connected layers on standardised embeddings (its section 3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cellbench.errors import DataError
from cellbench.probes.base import PROBES, FittedProbe, Probe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

HIDDEN = (128, 64)
EPOCHS = 40
BATCH_SIZE = 64
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-2
INACTIVE = 1e-2
"""Units whose standard deviation is below this share of the most active unit's become 0."""


@dataclass(frozen=True)
class Standardizer:
    """Centres each feature and scales it to unit variance; inactive units become 0."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray) -> Standardizer:
        """Fit on features of shape (N, D)."""
        mean, std = features.mean(axis=0), features.std(axis=0)
        active = std > INACTIVE * std.max(initial=0)
        return cls(mean, np.where(active, 1 / np.where(active, std, 1), 0))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return standardised features, shape (N, D), float32."""
        return ((features - self.mean) * self.scale).astype(np.float32)


@dataclass(frozen=True)
class Network(FittedProbe):
    """A fitted probe: three fully connected layers (128, 64 and n_classes units) with ReLU between them.

    Attributes:
        standardizer: Standardisation of the embeddings.
        weights: Three matrices of shape (in, out).
        biases: Three vectors of shape (out,).
    """

    standardizer: Standardizer
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def probabilities(self, embeddings: np.ndarray) -> np.ndarray:
        """Return class probabilities of shape (N, classes) for embeddings of shape (N, D)."""
        x = self.standardizer(embeddings)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if number < len(self.weights) - 1:
                x = np.maximum(x, 0)
        exponential = np.exp(x - x.max(axis=1, keepdims=True))
        return np.asarray(exponential / exponential.sum(axis=1, keepdims=True))

    def state(self) -> dict[str, np.ndarray]:
        """Return the standardisation and the layers."""
        layers = enumerate(zip(self.weights, self.biases, strict=True))
        found = {"mean": self.standardizer.mean, "scale": self.standardizer.scale}
        return found | {
            name: array
            for number, (weight, bias) in layers
            for name, array in ((f"weight{number}", weight), (f"bias{number}", bias))
        }


@PROBES.register("paper", "the paper's network of three fully connected layers")
class PaperProbe(Probe):
    """The paper's network on embeddings whose units are each scaled to variance 1."""

    seeds = (0, 1, 2)

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray,
        labels: np.ndarray,
        groups: np.ndarray,
        n_classes: int,
        fits: Sequence[tuple[np.ndarray, int]],
    ) -> Sequence[Network]:
        """Fit several probes at once; groups are not used, because the network chooses nothing for itself."""
        return fit_networks(embeddings, labels, n_classes, fits)

    @classmethod
    def restore(cls, state: Mapping[str, np.ndarray]) -> Network:
        """Return a fitted probe from its state.

        Raises:
            DataError: An array is missing, or the shapes do not fit.
        """
        numbers = range(len(HIDDEN) + 1)
        try:
            network = Network(
                Standardizer(state["mean"], state["scale"]),
                tuple(state[f"weight{number}"] for number in numbers),
                tuple(state[f"bias{number}"] for number in numbers),
            )
            network.probabilities(np.zeros((1, len(state["mean"]))))
        except KeyError as error:
            raise DataError(f"The state of the probe is damaged ({error} is missing).") from None
        except ValueError as error:
            raise DataError(f"The state of the probe is damaged ({error}).") from None
        return network


def fit_networks(
    embeddings: np.ndarray, labels: np.ndarray, n_classes: int, fits: Sequence[tuple[np.ndarray, int]]
) -> list[Network]:
    """Fit several of the paper's probes at once, as one batched network.

    All probes take the same number of steps, that of the largest training set. In each epoch, a smaller training set
    repeats some of its patches.

    Args:
        embeddings: Shape (N, D).
        labels: Class codes, shape (N,).
        n_classes: Number of classes.
        fits: For each probe, the rows that it is trained on and its seed.

    Returns:
        The probes, in the order of `fits`.
    """
    import torch
    from torch.nn import functional

    standardizers = [Standardizer.fit(embeddings[rows]) for rows, _ in fits]
    features = torch.stack([torch.from_numpy(s(embeddings)) for s in standardizers])  # (P, N, D)
    targets = torch.from_numpy(labels.astype(np.int64))
    generators = [torch.Generator().manual_seed(seed) for _, seed in fits]
    sizes = (embeddings.shape[1], *HIDDEN, n_classes)
    layers = [_layer(n_in, n_out, generators) for n_in, n_out in pairwise(sizes)]
    parameters = [tensor for layer in layers for tensor in layer]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    longest = max(len(rows) for rows, _ in fits)
    which = torch.arange(len(fits))[:, None]
    for _ in range(EPOCHS):
        order = torch.stack([_order(rows, longest, g) for (rows, _), g in zip(fits, generators, strict=True)])
        for chunk in torch.split(order, BATCH_SIZE, dim=1):  # (P, B)
            logits = _forward(features[which, chunk], layers)  # (P, B, classes)
            losses = functional.cross_entropy(logits.flatten(0, 1), targets[chunk].flatten(), reduction="sum")
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(losses / chunk.shape[1])
            optimizer.step()
    return [
        Network(
            standardizers[p],
            tuple(weight[p].detach().numpy() for weight, _ in layers),
            tuple(bias[p, 0].detach().numpy() for _, bias in layers),
        )
        for p in range(len(fits))
    ]


def _layer(n_in: int, n_out: int, generators: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    import torch

    bound = n_in**-0.5  # the initialisation of torch.nn.Linear
    weight = torch.stack([torch.empty(n_in, n_out).uniform_(-bound, bound, generator=g) for g in generators])
    bias = torch.stack([torch.empty(1, n_out).uniform_(-bound, bound, generator=g) for g in generators])
    return weight.requires_grad_(), bias.requires_grad_()


def _order(rows: np.ndarray, length: int, generator: torch.Generator) -> Tensor:
    import torch

    order = torch.randperm(len(rows), generator=generator)
    return torch.from_numpy(rows)[order.repeat(-(-length // len(rows)))[:length]]


def _forward(x: Tensor, layers: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    import torch
    from torch.nn import functional

    for number, (weight, bias) in enumerate(layers):
        x = torch.baddbmm(bias, x, weight)
        if number < len(layers) - 1:
            x = functional.relu(x)
    return x
