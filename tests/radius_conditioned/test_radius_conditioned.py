"""One training for all radii: the inputs of the network, its training, and its curve."""

import math

import numpy as np
import pytest
import torch

from cellbench.errors import SettingError, TrainingError
from cellbench.radius_conditioned import (
    RadiusConditioned,
    RadiusConditionedMasked,
    RadiusConditionedParams,
    RadiusConditionedTrainer,
    configuration_of,
    fine_tune,
    response_curve,
)
from cellbench.radius_conditioned.curve import embed_at
from cellbench.suppression.mask import radial_weights
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.embedding import embed

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(encoder="test_resnet", network_size=20, batch_size=16, epochs=3, views=2)


def trainer(discs, cache, seed=0, low=5.0, high=28.0, seen="whole", **options) -> RadiusConditionedTrainer:
    configuration = Configuration(
        method=f"radius_conditioned_{seen}", params={"r_low": low, "r_high": high}, latent_dim=8
    )
    settings = SETTINGS.model_copy(update=options)
    rows = discs.rows("pool")
    return RadiusConditionedTrainer(configuration, settings, discs.resized(20, cache), rows, 40, seed, CPU)


def mask(native=256, size=32, low=20.0, high=181.0, **params) -> RadiusConditioned:
    return RadiusConditioned(RadiusConditionedParams(r_low=low, r_high=high, **params), native, size, 8)


@pytest.fixture(scope="module")
def trained(discs, tmp_path_factory):
    run = trainer(discs, tmp_path_factory.mktemp("cache"))
    for _ in range(3):
        run.run_epoch()
    return run


def test_the_fourth_channel_is_the_weight_map_of_the_radius_divided_by_its_peak():
    conditioned = mask()
    patches = torch.rand(2, 3, 32, 32)
    radii = torch.tensor([40.0, 120.0])
    inputs = conditioned.encoder_input(patches, radii)
    assert torch.equal(inputs[:, :3], patches)
    maps = radial_weights(radii, 32, 256, "sqrt", normalize=False)
    torch.testing.assert_close(inputs[:, 3:], maps / maps.amax(dim=(2, 3), keepdim=True))
    assert inputs[:, 3].amax(dim=(1, 2)).tolist() == [1, 1]
    loss_weights = inputs[:, 3:] / inputs[:, 3:].mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(conditioned.maps(radii), loss_weights)


def test_the_channel_of_a_4_by_4_patch_by_hand():
    conditioned = mask(native=4, size=4, low=2.0, high=2.0)
    middle, edge = (1 - math.sqrt(math.sqrt(square) / 2) for square in (0.5, 2.5))
    inputs = conditioned.encoder_input(torch.zeros(1, 3, 4, 4), torch.tensor([2.0]))[0, 3]
    torch.testing.assert_close(inputs[1], torch.tensor([edge / middle, 1, 1, edge / middle]))
    torch.testing.assert_close(inputs[0], torch.tensor([0, edge / middle, edge / middle, 0]))


def test_radii_are_drawn_evenly_on_a_log_scale_one_for_each_patch():
    radii = mask().draw(4000, torch.Generator().manual_seed(0))
    assert radii.shape == (4000,)
    assert len(radii.unique()) > 3000
    assert radii.min() >= 20
    assert radii.max() <= 127.5 * 2**0.5  # clamped to the corner
    share = (radii.log() - math.log(20)) / (math.log(181) - math.log(20))
    found = [(share < limit).float().mean().item() for limit in (0.25, 0.5, 0.75)]
    assert found == pytest.approx([0.25, 0.5, 0.75], abs=0.03)


def test_the_decoder_gets_the_log_of_the_radius():
    found = mask().decoder_input(torch.tensor([128.0, 64.0]))
    torch.testing.assert_close(found, torch.tensor([[0.0], [-math.log(2)]]))


def test_the_loss_of_a_batch_is_weighted_by_the_radii_that_the_network_got(discs, tmp_path):
    untrained = trainer(discs, tmp_path)
    batch = torch.rand(6, 3, 20, 20)
    run = untrained._pass(batch, torch.Generator().manual_seed(3))
    radii = untrained.suppression.draw(6, torch.Generator().manual_seed(3))
    assert torch.equal(run.weights.r_max, radii)
    torch.testing.assert_close(run.weights.map, radial_weights(radii, 20, 40, "sqrt", normalize=True))
    assert run.outputs.shape == run.targets.shape == batch.shape


def test_every_weight_gets_a_gradient(discs, tmp_path):
    run = trainer(discs, tmp_path)
    run.run_epoch()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in run.model.parameters())
    assert run.model.decoder.projection.weight.grad[:, -1].abs().sum() > 0


def test_the_radius_changes_the_embedding(trained):
    rows = np.arange(10)
    small, again, large = (embed_at(trained, rows, radius) for radius in (6.0, 6.0, 25.0))
    assert np.array_equal(small, again)
    assert np.abs(small - large).max() > 1e-3


def test_an_embedding_does_not_depend_on_the_orientation_of_the_patch(trained):
    seen, rows = trained.suppression.at(12.0), np.arange(5)
    turned = np.rot90(trained.patches, axes=(1, 2)).copy()
    straight, other = (embed(trained.model, seen, patches, rows, CPU, views=8) for patches in (trained.patches, turned))
    np.testing.assert_allclose(other, straight, atol=1e-5)


@pytest.mark.parametrize("seen", ["whole", "masked"])
def test_what_lies_beyond_the_radius_reaches_the_embedding_of_the_whole_patch_alone(discs, tmp_path, seen):
    run = trainer(discs, tmp_path, seen=seen)
    run.run_epoch()
    patches = run.patches[:5].copy()
    changed = patches.copy()
    changed[:, :4] = 0  # at least 6.5 network px from the centre, 13 of the data set's
    embedded = [embed(run.model, run.suppression.at(10.0), each, np.arange(5), CPU) for each in (patches, changed)]
    assert np.array_equal(*embedded) == (seen == "masked")
    wide = [embed(run.model, run.suppression.at(26.0), each, np.arange(5), CPU) for each in (patches, changed)]
    assert not np.array_equal(*wide)


def test_a_masked_patch_fades_to_mid_grey():
    conditioned = RadiusConditionedMasked(RadiusConditionedParams(r_low=20, r_high=181), 256, 32, 8)
    inputs = conditioned.encoder_input(torch.ones(1, 3, 32, 32), torch.tensor([60.0]))
    torch.testing.assert_close(inputs[:, 0], 0.5 + 0.5 * inputs[:, 3])
    assert inputs[0, 0, 0, 0] == 0.5
    assert inputs[0, 0, 16, 16] == 1


def test_a_curve_has_one_value_a_radius_and_the_seed_decides_it(discs, trained, tmp_path):
    radii = [6.0, 12.0, 25.0]
    curve = list(response_curve(trained, discs, radii, "kernel_ridge"))
    assert [one.radius for one in curve] == radii
    assert all(0 < one.scores.f1_macro <= 1 for one in curve)
    assert curve[0].n_embedded == 2 * len(discs.rows("labelled"))
    again = trainer(discs, tmp_path)
    for _ in range(3):
        again.run_epoch()
    same = list(response_curve(again, discs, radii, "kernel_ridge"))
    assert [one.scores.f1_macro for one in same] == [one.scores.f1_macro for one in curve]


def test_a_resumed_training_ends_with_the_same_numbers(discs, trained, tmp_path):
    first = trainer(discs, tmp_path)
    first.run_epoch()
    first.save(tmp_path / "trainer.pt")
    second = trainer(discs, tmp_path)
    second.load(tmp_path / "trainer.pt")
    second.run_epoch()
    second.run_epoch()
    for mine, same in zip(trained.model.state_dict().values(), second.model.state_dict().values(), strict=True):
        assert torch.equal(mine, same)
    with pytest.raises(TrainingError, match="belongs to another trial"):
        trainer(discs, tmp_path, low=6.0).load(tmp_path / "trainer.pt")


def test_fine_tuning_starts_where_the_training_ended_and_leaves_it_alone(trained):
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    tuned = fine_tune(trained, radius=12.0, epochs=1, lr=1e-3)
    assert np.array_equal(embed_at(tuned, np.arange(9), 12.0), embed_at(trained, np.arange(9), 12.0))
    metrics = tuned.run_epoch()
    assert metrics["radius/r_max"] == pytest.approx(12)
    assert not torch.equal(tuned.model.head.weight, before["head.weight"])
    assert all(torch.equal(value, before[name]) for name, value in trained.model.state_dict().items())


@pytest.mark.parametrize(("low", "high"), [(0, 3), (9, 8)])
def test_bad_radii_are_refused(low, high):
    with pytest.raises(ValueError, match=r"greater than 0|should not lie above"):
        RadiusConditionedParams(r_low=low, r_high=high)


def test_default_radii_are_scaled_to_the_data_set_and_shapes_are_checked():
    assert configuration_of(512, "whole", "cosine", 1e-3, 1e-3).params["r_low"] == 40
    with pytest.raises(SettingError, match="no mask of shape 'cosin'"):
        configuration_of(512, "whole", "cosin", 1e-3, 1e-3)
    with pytest.raises(SettingError, match="cannot see 'half' patches"):
        configuration_of(512, "half", "sqrt", 1e-3, 1e-3)
