"""Embeddings of patches by a trained auto-encoder."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cellbench.models import AutoEncoder
from cellbench.suppression import Suppression
from cellbench.training.augment import symmetries

BATCH_SIZE = 256


def embed(
    model: AutoEncoder,
    suppression: Suppression,
    patches: np.ndarray,
    rows: np.ndarray,
    device: torch.device,
    generator: torch.Generator | None = None,
    views: int = 1,
) -> np.ndarray:
    """Return the embedding of each patch.

    The class of a cell does not depend on its orientation, and differences between orientations are noise to a
    classifier. An embedding can therefore be the mean over symmetries of the square.

    Args:
        model: The auto-encoder; used in evaluation mode.
        suppression: Its suppression, which selects what the encoder sees.
        patches: uint8, shape (N, S, S, 3), where S is the source size of the suppression in px.
        rows: Rows of `patches` to embed.
        device: Device that computes.
        generator: Source of randomness of one sample of z per view; None embeds as μ.
        views: Symmetries of the square that the embedding is the mean of: 1, 2, 4 or 8.

    Returns:
        Shape (len(rows), latent_dim), float32.
    """
    parts = []
    with evaluation(model, suppression), torch.no_grad():
        for batch in batches(patches, rows, device):
            total = torch.zeros(len(batch), model.latent_dim, device=device)
            for seen in symmetries(suppression.view(batch, None, training=False)[0], views):
                posterior = model.encode(seen.contiguous(memory_format=torch.channels_last))
                total += posterior.mean if generator is None else posterior.sample(generator)
            parts.append((total / views).cpu().numpy())
    return np.concatenate(parts) if parts else np.empty((0, model.latent_dim), np.float32)


def sample_generator(seed: int, rows: np.ndarray, device: torch.device) -> torch.Generator:
    """Return the source of the samples of z of some rows. It depends on the seed and the rows alone.

    Args:
        seed: Seed of the training.
        rows: Rows that are embedded.
        device: Device that embeds.
    """
    state = np.random.SeedSequence([seed, *rows.tolist()]).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> 1))


def batches(
    patches: np.ndarray, rows: np.ndarray, device: torch.device, batch_size: int = BATCH_SIZE
) -> Iterator[Tensor]:
    """Yield batches of patches in the order of `rows`: values in 0–1, float32, shape (B, 3, S, S).

    Args:
        patches: uint8, shape (N, S, S, 3).
        rows: Rows of `patches`.
        device: Device of the batches.
        batch_size: Most patches in a batch.
    """
    for start in range(0, len(rows), batch_size):
        yield to_unit(patches[rows[start : start + batch_size]], device)


def to_unit(patches: np.ndarray, device: torch.device) -> Tensor:
    """Return uint8 patches of shape (B, H, W, 3) as float32 values in 0–1 of shape (B, 3, H, W)."""
    tensor = torch.from_numpy(np.ascontiguousarray(patches)).to(device)
    return tensor.permute(0, 3, 1, 2).to(torch.float32).div_(255)


class evaluation:
    """Sets modules to evaluation mode within a `with` block."""

    def __init__(self, *modules: torch.nn.Module) -> None:
        self._modules = modules
        self._modes = [module.training for module in modules]

    def __enter__(self) -> None:
        for module in self._modules:
            module.eval()

    def __exit__(self, *_: object) -> None:
        for module, mode in zip(self._modules, self._modes, strict=True):
            module.train(mode)
