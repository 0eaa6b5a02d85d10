"""One epoch of `vae` with ResNet-18 at 32 px, compared with bare model steps, a PyTorch loop and pythae's trainer."""

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from bench.perf.beside import compare
from cellbench.models import AutoEncoder
from cellbench.models.decoder import Decoder
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.trainer import Trainer

SIZE, LATENT, BETA, LR = 32, 256, 2e-3, 1e-3


def ours(patches: NDArray[np.uint8], batch_size: int) -> Callable[[], None]:
    """Return a function that trains one epoch like a trial, including augmentation."""
    settings = TrainingSettings(epochs=1000, network_size=SIZE, batch_size=batch_size)
    configuration = Configuration(method="vae", latent_dim=LATENT, beta=BETA, lr=LR)
    trainer = Trainer(configuration, settings, patches, np.arange(len(patches)), SIZE, 0, torch.device("cpu"))

    def epoch() -> None:
        trainer.run_epoch()

    return epoch


def loss_of(model: AutoEncoder, batch: Tensor) -> Tensor:
    """Compute the loss of `vae` on a batch."""
    posterior = model.encode(batch)
    outputs = model.decode(posterior.sample(None))
    return (outputs - batch).abs().mean() + BETA * posterior.kl().mean()


def bare_step(n: int, batch_size: int) -> Callable[[], None]:
    """Return a function that runs the steps of an epoch on one batch: a lower bound for the time of any trainer."""
    model = AutoEncoder("resnet18", SIZE, LATENT, variational=True).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, fused=True)
    batch = torch.rand(batch_size, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)

    def epoch() -> None:
        for _ in range(n // batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss_of(model, batch).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return epoch


def plain_loop(patches: NDArray[np.uint8], batch_size: int) -> Callable[[], None]:
    """Return a function that trains one epoch like a tutorial: Dataset, DataLoader, Adam, loss read at every step."""
    model = AutoEncoder("resnet18", SIZE, LATENT, variational=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)

    class Cells(torch.utils.data.Dataset[Tensor]):
        def __len__(self) -> int:
            return len(patches)

        def __getitem__(self, row: int) -> Tensor:
            patch = torch.from_numpy(patches[row].copy()).permute(2, 0, 1).float() / 255
            if torch.rand(()) < 0.5:
                patch = patch.flip(-1)
            return patch.rot90(int(torch.randint(4, ())), (1, 2))

    loader = torch.utils.data.DataLoader(Cells(), batch_size, shuffle=True)

    def epoch() -> None:
        total = 0.0
        for batch in loader:
            optimizer.zero_grad()
            loss = loss_of(model, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item()

    return epoch


def pythae_epoch(patches: NDArray[np.uint8], batch_size: int, small_maps: bool) -> Callable[[], None]:
    """Return a function that trains one epoch with pythae, on the same networks or on timm's unchanged encoder."""
    pythae = pytest.importorskip("pythae", reason="pip install pythae to compare with it")
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    assert pythae is not None

    class TheirEncoder(BaseEncoder):
        def __init__(self) -> None:
            BaseEncoder.__init__(self)
            self.latent_dim = LATENT
            if small_maps:
                self.net = AutoEncoder("resnet18", SIZE, LATENT, variational=True).encoder
            else:
                self.net = timm.create_model("resnet18", pretrained=False, num_classes=0)
            self.mean, self.log_var = nn.Linear(512, LATENT), nn.Linear(512, LATENT)

        def forward(self, x: Tensor) -> Any:
            found = self.net(x)
            return ModelOutput(embedding=self.mean(found), log_covariance=self.log_var(found) - 5)

    class TheirDecoder(BaseDecoder):
        def __init__(self) -> None:
            BaseDecoder.__init__(self)
            self.net = Decoder(LATENT, SIZE)

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.net(z))

    data = torch.from_numpy(np.ascontiguousarray(patches)).permute(0, 3, 1, 2).float() / 255
    model = VAE(VAEConfig(input_dim=(3, SIZE, SIZE), latent_dim=LATENT), TheirEncoder(), TheirDecoder())
    config = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        num_epochs=1,
        per_device_train_batch_size=batch_size,
        learning_rate=LR,
        no_cuda=True,
    )
    trainer = BaseTrainer(model, BaseDataset(data, torch.zeros(len(data))), training_config=config)
    trainer.prepare_training()

    def epoch() -> None:
        trainer.train_step(1)

    return epoch


@pytest.mark.parametrize("batch_size", [32, 128])
def test_training_at_equal_settings(benchmark: Any, patches: NDArray[np.uint8], batch_size: int) -> None:
    variants = {
        "bare model step": bare_step(len(patches), batch_size),
        "cellbench": ours(patches, batch_size),
        "Dataset + DataLoader + loop": plain_loop(patches, batch_size),
        "pythae's trainer": pythae_epoch(patches, batch_size, small_maps=True),
    }
    compare(benchmark, variants, len(patches), "patches")


def test_training_defaults_against_defaults(benchmark: Any, patches: NDArray[np.uint8]) -> None:
    variants = {
        "cellbench (batch 32)": ours(patches, 32),
        "pythae (batch 64, timm's unchanged ResNet-18)": pythae_epoch(patches, 64, small_maps=False),
    }
    compare(benchmark, variants, len(patches), "patches")


def test_a_step_without_small_map_convolutions(benchmark: Any) -> None:
    """Compare forward and backward passes of the encoder alone with timm's unchanged encoder."""
    batch = torch.rand(32, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    with_maps = AutoEncoder("resnet18", SIZE, LATENT, variational=True).encoder.to(memory_format=torch.channels_last)
    plain = timm.create_model("resnet18", pretrained=False, num_classes=0).to(memory_format=torch.channels_last)

    def steps(net: nn.Module) -> Callable[[], None]:
        def run() -> None:
            for _ in range(10):
                functional.mse_loss(net(batch), torch.zeros(32, 512)).backward()  # type: ignore[no-untyped-call]

        return run

    compare(
        benchmark, {"timm's convolutions": steps(plain), "small maps as products": steps(with_maps)}, 320, "patches"
    )
