"""Encoders, decoder and auto-encoders."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from cellbench.errors import SettingError
from cellbench.models import AutoEncoder, Posterior
from cellbench.models.encoder import Encoder


@pytest.mark.parametrize("size", [11, 30, 32, 48])
@pytest.mark.parametrize("variational", [True, False])
def test_shapes_at_any_size(size, variational):
    model = AutoEncoder("test_resnet", size, 12, variational).eval()
    posterior = model.encode(torch.rand(2, 3, size, size))
    assert posterior.mean.shape == (2, 12)
    assert (posterior.log_variance is None) == (not variational)
    drawn = model.decode(posterior.sample(torch.Generator().manual_seed(0)))
    assert drawn.shape == (2, 3, size, size)
    assert ((drawn >= 0) & (drawn <= 1)).all()


def test_a_transformer_is_told_its_size():
    assert Encoder("test_vit", 48)(torch.rand(2, 3, 48, 48)).shape[0] == 2


def test_an_unknown_encoder_is_answered_with_the_nearest():
    with pytest.raises(SettingError, match="no encoder 'resnet81'; the nearest are: resnet18"):
        Encoder("resnet81", 32)


def test_local_weights_are_loaded_and_misfits_named(tmp_path):
    donor = timm.create_model("test_resnet", pretrained=False)
    save_file(donor.state_dict(), tmp_path / "weights.safetensors")
    encoder = Encoder("test_resnet", 32, tmp_path / "weights.safetensors")
    name, value = next(iter(encoder.backbone.state_dict().items()))
    assert torch.equal(value, donor.state_dict()[name])
    with pytest.raises(SettingError, match=r"does not fit encoder 'test_resnet2'|no encoder"):
        Encoder("test_resnet2", 32, tmp_path / "weights.safetensors")
    with pytest.raises(SettingError, match="does not fit encoder 'resnet18'"):
        Encoder("resnet18", 32, tmp_path / "weights.safetensors")
    (tmp_path / "text.safetensors").write_text("no")
    with pytest.raises(SettingError, match="not a safetensors file"):
        Encoder("test_resnet", 32, tmp_path / "text.safetensors")
    with pytest.raises(SettingError, match="no file of encoder weights"):
        Encoder("test_resnet", 32, tmp_path / "missing.safetensors")


def test_an_untrained_vae_starts_with_a_narrow_posterior_and_an_output_that_depends_on_its_latent():
    torch.manual_seed(0)
    model = AutoEncoder("test_resnet", 32, 64, variational=True).eval()
    posterior = model.encode(torch.rand(4, 3, 32, 32))
    assert (posterior.log_variance < -4).all()
    drawn = model.decode(torch.randn(16, 64))
    assert drawn.std(dim=0).mean() > 0.05


def test_a_sample_spreads_as_the_posterior_says():
    """The standard deviation of z is σ = exp(log σ² / 2), and its mean is μ."""
    mean, log_variance = torch.tensor([[3.0, -1.0, 0.0]]), torch.tensor([[-4.0, 0.0, 2.0]])
    posterior = Posterior(mean.expand(40_000, -1), log_variance.expand(40_000, -1))
    drawn = posterior.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.std(dim=0), torch.tensor([0.1353, 1.0, 2.7183]), rtol=0.02, atol=0)
    torch.testing.assert_close(drawn.mean(dim=0), mean[0], rtol=0, atol=0.05)


def test_the_divergence_from_the_prior_is_that_of_two_normal_distributions():
    """KL(N(μ, σ²) ‖ N(0, 1)) = (μ² + σ² − 1 − log σ²) / 2: 0 for the prior, 2 for μ = 2, (e − 2) / 2 for σ² = e."""
    posterior = Posterior(torch.tensor([[0.0, 2.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]]))
    torch.testing.assert_close(posterior.kl(), torch.tensor([[0.0, 2.0, 0.35914]]), rtol=0, atol=1e-5)


def test_a_plain_auto_encoder_has_neither_noise_nor_divergence():
    posterior = Posterior(torch.tensor([[3.0, -1.0]]), None)
    assert torch.equal(posterior.sample(None), posterior.mean)
    assert torch.equal(posterior.kl(), torch.zeros(1, 2))
