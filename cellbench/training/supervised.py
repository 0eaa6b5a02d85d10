"""A supervised network: the encoder with a linear layer, trained by cross-entropy. It is a ceiling, never a result."""

import numpy as np
import torch
from torch import Tensor, nn

from cellbench.errors import TrainingError
from cellbench.models.encoder import Encoder
from cellbench.training.augment import random_symmetry, stain_jitter, symmetries
from cellbench.training.configuration import TrainingSettings
from cellbench.training.embedding import batches, evaluation, to_unit
from cellbench.training.trainer import Patches, epoch_seed, lr_factor

LEARNING_RATE = 1e-3
"""Peak learning rate of Adam: the default of `Configuration`."""


class SupervisedNetwork(nn.Module):
    """An encoder and a linear layer.

    Args:
        settings: Settings of the search: encoder and network size.
        n_classes: Number of classes.
    """

    def __init__(self, settings: TrainingSettings, n_classes: int) -> None:
        super().__init__()
        self.encoder = Encoder(settings.encoder, settings.network_size, settings.encoder_weights)
        self.head = nn.Linear(self.encoder.n_features, n_classes)

    def forward(self, patches: Tensor) -> Tensor:
        """Return logits of shape (B, n_classes) of patches with values in 0–1, shape (B, 3, H, H)."""
        logits: Tensor = self.head(self.encoder(patches))
        return logits.float()


def train_supervised(
    settings: TrainingSettings,
    patches: Patches,
    rows: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    passes: int,
    seed: int,
    device: torch.device,
) -> SupervisedNetwork:
    """Return a network that was trained on labelled patches, with the schedule and augmentation of all trainings.

    Args:
        settings: Settings of the search. Its epochs are not used, because there are fewer labels than patches.
        patches: uint8, shape (N, S, S, 3), where S is the network size.
        rows: Rows of `patches` to train on, shape (n,).
        labels: Class codes of these rows, shape (n,).
        n_classes: Number of classes.
        passes: Number of patches that the training sees, rounded to whole epochs, at least one.
        seed: Seed of the initial weights and of all random draws.
        device: Device that trains.

    Raises:
        TrainingError: The loss became infinite or NaN.
        SettingError: The encoder is unknown or does not fit.
    """
    epochs, steps = max(1, round(passes / len(rows))), -(-len(rows) // settings.batch_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SupervisedNetwork(settings, n_classes)
    network = network.to(device).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_factor(step, epochs * steps, settings))
    autocast = settings.precision == "bfloat16" or (settings.precision == "auto" and device.type == "cuda")
    targets = torch.from_numpy(labels.astype(np.int64)).to(device)
    for epoch in range(epochs):
        generator = torch.Generator(device).manual_seed(epoch_seed(seed, epoch))
        total = torch.zeros((), device=device)
        # Dropout and stochastic depth of some encoders draw from the global generators.
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(epoch_seed(seed, epoch))
            order = torch.randperm(len(rows), generator=generator, device=device)
            for chosen in order.tensor_split(steps):
                batch = to_unit(patches[rows[chosen.cpu().numpy()]], device)
                batch = random_symmetry(batch, settings.augment, generator)
                if settings.stain_jitter > 0:
                    batch = stain_jitter(batch, settings.stain_jitter, generator)
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
                    logits = network(batch.contiguous(memory_format=torch.channels_last))
                loss = nn.functional.cross_entropy(logits, targets[chosen])
                torch.autograd.backward(loss)
                if settings.grad_clip is not None:
                    torch.nn.utils.clip_grad_norm_(network.parameters(), settings.grad_clip)
                optimizer.step()
                schedule.step()
                total += loss.detach()
        if not bool(torch.isfinite(total)):
            raise TrainingError(
                f"The loss of the supervised ceiling is {float(total)} in epoch {epoch + 1}; --grad-clip may help, "
                "and --supervised none leaves this ceiling out."
            )
    return network.eval()


def predict_supervised(
    network: SupervisedNetwork, patches: Patches, rows: np.ndarray, views: int, device: torch.device
) -> np.ndarray:
    """Return class codes, int64, shape (len(rows),): the class with the highest mean probability over the views.

    Args:
        network: A trained network.
        patches: uint8, shape (N, S, S, 3), where S is the network size.
        rows: Rows of `patches` to classify.
        views: Symmetries of the square that probabilities are the mean of: 1, 2, 4 or 8.
        device: Device that computes.
    """
    found = []
    with evaluation(network), torch.no_grad():
        for batch in batches(patches, rows, device):
            seen = [each.contiguous(memory_format=torch.channels_last) for each in symmetries(batch, views)]
            total = torch.stack([network(each).softmax(dim=1) for each in seen]).sum(dim=0)
            found.append(total.argmax(dim=1).cpu().numpy())
    return np.concatenate(found) if found else np.empty(0, np.int64)
