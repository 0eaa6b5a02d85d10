"""Several configurations trained as one batched model give the same result as each trained alone."""

import pytest
import torch

from bench.perf.fused import Fused, Separate, Trial

TRIALS = [Trial(6.0, 0.002, 1e-3, seed=0), Trial(9.0, 0.01, 3e-3, seed=1), Trial(14.0, 0.0004, 3e-4, seed=0)]
SIZE, LATENT, BATCH = 16, 8, 12


@pytest.fixture(autouse=True)
def _double():
    """Use double precision: Adam divides by the gradient's size; single precision would hide mistakes."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_fused_steps_are_the_steps_of_each_trial_alone():
    device, generator = torch.device("cpu"), torch.Generator().manual_seed(0)
    shape = "test_resnet", SIZE, LATENT, device
    separate, fused = Separate(TRIALS, *shape), Fused(TRIALS, *shape)
    for _ in range(4):
        batches = torch.rand(len(TRIALS), BATCH, 3, SIZE, SIZE, generator=generator)
        noise = torch.randn(len(TRIALS), BATCH, LATENT, generator=generator)
        torch.testing.assert_close(fused.step(batches, noise), separate.step(batches, noise), rtol=1e-7, atol=0)
    assert fused.buffers, "batch normalisation keeps a mean for each trial"
    for number, model in enumerate(separate.models):
        for name, tensor in model.state_dict().items():
            found = {**fused.parameters, **fused.buffers}[name][number]
            torch.testing.assert_close(
                found, tensor, rtol=1e-6, atol=1e-8, msg=lambda text, name=name: f"{name}: {text}"
            )
    starts = Separate(TRIALS, *shape).models
    for start, model in zip(starts, separate.models, strict=True):
        moved = (start.auto_encoder.head.weight - model.auto_encoder.head.weight).abs().max()
        assert moved > 1e-4, "they did learn"
