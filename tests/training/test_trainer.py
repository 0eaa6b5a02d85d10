"""The training loop: the loss it minimises, its seeds, its checkpoints, its errors."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from cellbench.errors import TrainingError
from cellbench.testing import example_params
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.trainer import Trainer, build

TINY = {"encoder": "test_resnet", "network_size": 32, "batch_size": 8}
NATIVE_SIZE = 64
CPU = torch.device("cpu")


def images(n: int = 20, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (n, size, size, 3), dtype=np.uint8)


def trainer(method: str = "mask_fixed", seed: int = 0, patches: np.ndarray | None = None, **options) -> Trainer:
    fields = {name: options.pop(name) for name in ("lr", "beta") if name in options}
    configuration = Configuration(method=method, params=example_params(method, NATIVE_SIZE), latent_dim=16, **fields)
    settings = TrainingSettings(**{**TINY, "epochs": 3, **options})
    if patches is None:
        _, suppression = build(configuration, settings, NATIVE_SIZE, 0)
        patches = images(size=suppression.source_size)
    return Trainer(configuration, settings, patches, np.arange(len(patches)), NATIVE_SIZE, seed, CPU)


def test_loss_is_the_weighted_l1_mean_plus_beta_times_the_mean_kl():
    run = trainer("mask_fixed", beta=0.5)
    run.model.eval()
    batch = torch.from_numpy(images(8)).permute(0, 3, 1, 2) / 255
    loss, reconstruction, kl, _ = run._batch_loss(batch, 0.5, torch.Generator().manual_seed(1))
    posterior = run.model.encode(batch)
    latent = posterior.sample(torch.Generator().manual_seed(1))
    drawn = run.model.decode(latent)
    weights = run.suppression.weights(latent, 32, None).map
    by_hand = sum((weights[0, 0] * (drawn[b, c] - batch[b, c]).abs()).sum() for b in range(8) for c in range(3))
    torch.testing.assert_close(reconstruction, by_hand / (8 * 3 * 32 * 32))
    normal = torch.distributions.Normal(posterior.mean, (posterior.log_variance / 2).exp())
    peer = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(kl, peer)
    torch.testing.assert_close(loss, reconstruction + 0.5 * kl)


def test_the_loss_of_an_empty_region_has_no_say():
    """What lies outside the mask changes neither the loss nor its gradient with respect to the output."""
    run = trainer("mask_fixed")
    weights = run.suppression.weights(torch.zeros(1, 16), 32, None).map
    outside = weights[0, 0] == 0
    assert outside.any()
    drawn = torch.rand(1, 3, 32, 32, requires_grad=True)
    (weights * (drawn - torch.rand(1, 3, 32, 32)).abs()).mean().backward()
    assert (drawn.grad[0, :, outside] == 0).all()
    assert (drawn.grad[0, :, ~outside] != 0).all()


def test_elbo_is_the_summed_form_up_to_a_factor():
    run = trainer("vae", beta="elbo")
    assert run._beta_now(0) == pytest.approx(16 / (3 * 32 * 32))


def test_beta_and_learning_rate_follow_their_schedules():
    run = trainer("vae", beta=1.0, kl_warmup=0.5, warmup=0.25, epochs=4)  # 12 steps
    assert [round(run._beta_now(step), 3) for step in (0, 2, 5, 11)] == [0.167, 0.5, 1.0, 1.0]
    factors = [run._lr_factor(step) for step in range(12)]
    assert factors[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert factors[3] == 1, "the cosine begins at the peak"
    assert factors[3:] == sorted(factors[3:], reverse=True)
    assert factors[-1] < 0.1


@pytest.mark.parametrize(("precision", "halved"), [("auto", False), ("float32", False), ("bfloat16", True)])
def test_on_a_cpu_only_bfloat16_by_name_computes_in_half_precision(precision, halved):
    run = trainer("vae", precision=precision)
    seen = []
    run.model.encoder.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    run.run_epoch()
    assert set(seen) == {torch.bfloat16 if halved else torch.float32}


def test_the_smallest_settings_are_accepted_and_smaller_ones_are_not():
    assert TrainingSettings(batch_size=2, views=1).views == 1
    for wrong in ({"batch_size": 1}, {"views": 3}, {"network_size": 7}):
        with pytest.raises(ValidationError):
            TrainingSettings(**wrong)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    first, again, other = (trainer("mask_sampled", seed=seed) for seed in (3, 3, 4))
    for run in (first, again, other):
        run.run_epoch()
    mine, same, unlike = (run.model.head.weight for run in (first, again, other))
    assert torch.equal(mine, same)
    assert not torch.equal(mine, unlike)


@pytest.mark.parametrize("method", ["noise", "mask_learned", "crop_medium"])
def test_a_resumed_training_ends_with_the_same_numbers(method, tmp_path):
    whole = trainer(method)
    expected = [whole.run_epoch() for _ in range(3)]
    first = trainer(method)
    first.run_epoch()
    first.save(tmp_path / "trainer.pt")
    second = trainer(method)
    second.load(tmp_path / "trainer.pt")
    for number in (1, 2):
        found = second.run_epoch()
        assert found["train/loss"] == expected[number]["train/loss"]
    for mine, same in zip(whole.model.state_dict().values(), second.model.state_dict().values(), strict=True):
        assert torch.equal(mine, same)


def test_a_foreign_checkpoint_is_refused(tmp_path):
    trainer("vae").save(tmp_path / "trainer.pt")
    with pytest.raises(TrainingError, match="belongs to another trial"):
        trainer("vae", seed=1).load(tmp_path / "trainer.pt")


def test_a_truncated_checkpoint_is_named(tmp_path):
    path = tmp_path / "trainer.pt"
    trainer("vae").save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(TrainingError, match=r"trainer\.pt cannot be read"):
        trainer("vae").load(path)


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("this ran",))

    path = tmp_path / "trainer.pt"
    torch.save({"model": Evil()}, path)
    with pytest.raises(TrainingError, match="cannot be read"):
        trainer("vae").load(path)


def test_a_diverging_training_says_so():
    run = trainer("rae", lr=1e30, grad_clip=None)
    with pytest.raises(TrainingError, match=r"loss is .* in epoch .*smaller learning rate"):
        run.run_epoch()


def test_training_lowers_the_loss():
    """A single patch, seen again and again, is reconstructed better and better."""
    ramp = np.broadcast_to(np.linspace(20, 240, 32, dtype=np.uint8)[:, None, None], (32, 32, 3))
    run = trainer("vae", epochs=15, patches=np.stack([ramp] * 16), beta=0.0, lr=3e-3, augment="flips")
    losses = [run.run_epoch()["train/reconstruction"] for _ in range(15)]
    assert losses[-1] < 0.8 * losses[0]
