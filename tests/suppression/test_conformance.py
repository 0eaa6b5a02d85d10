"""What every suppression must do: one more method is one more parameter here."""

import pytest
import torch

from cellbench.suppression import SUPPRESSIONS, build_suppression

EXAMPLES = {
    "mask_fixed": {"r_max": 60.0},
    "mask_auto": {"r_max": 60.0},
    "mask_profile": {"profile": "0:1 40:0.9 80:0.1 100:0"},
    "mask_prior": {"r_prior": 60.0},
    "mask_sampled": {"r_mean": 60.0, "r_std": 20.0},
    "crop_small": {"offset_sigma": 15.0},
    "crop_medium": {"offset_sigma": 15.0},
}
NO_SUPPRESSION = {"vae", "rae"}


@pytest.fixture(params=SUPPRESSIONS.names())
def method(request):
    return request.param


@pytest.fixture
def suppression(method):
    return build_suppression(method, EXAMPLES.get(method, {}), 256, 32, 8)


@pytest.fixture
def patches(suppression):
    size = suppression.source_size
    return torch.rand((4, 3, size, size), generator=torch.Generator().manual_seed(0))


def everything(suppression, patches, seed):
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = suppression.view(patches, generator, training=True)
    latent = torch.ones(4, 8)
    return inputs, targets, suppression.weights(latent, suppression.view_size, generator)


def test_views_and_weights_fit_each_other(suppression, patches):
    inputs, targets, weights = everything(suppression, patches, 0)
    side = suppression.view_size
    assert inputs.shape == targets.shape == (4, 3, side, side)
    assert weights.map.shape in {(1, 1, side, side), (4, 1, side, side)}
    assert (weights.map >= 0).all()
    assert weights.map.sum() > 0


def test_the_same_generator_gives_the_same_numbers(suppression, patches):
    first, again, other = (everything(suppression, patches, seed) for seed in (1, 1, 2))
    for mine, same in zip((*first[:2], first[2].map), (*again[:2], again[2].map), strict=True):
        assert torch.equal(mine, same)
    certain = {"NoSuppression", "PlainAutoEncoder", "FixedMask", "AutoMask", "EvidenceMask", "ProfileMask"}
    random = type(suppression).__name__ not in certain
    differs = any(
        not torch.equal(a, b) for a, b in zip((*first[:2], first[2].map), (*other[:2], other[2].map), strict=True)
    )
    assert differs == random


def test_evaluation_is_clean_and_needs_no_generator(suppression, patches):
    inputs, targets = suppression.view(patches, None, training=False)
    again, _ = suppression.view(patches, torch.Generator().manual_seed(9), training=False)
    assert torch.equal(inputs, targets)
    assert torch.equal(inputs, again)
    if suppression.fraction == 1:
        assert torch.equal(inputs, patches)


def test_the_input_is_never_changed_in_place(suppression, patches):
    before = patches.clone()
    everything(suppression, patches, 0)
    assert torch.equal(patches, before)


def test_each_method_lowers_the_part_of_the_border_in_the_gradient(method, suppression, patches):
    """Fails for a method whose suppression is switched off: the border then counts as much as the centre."""
    generator = torch.Generator().manual_seed(0)
    inputs, _ = suppression.view(patches, generator, training=True)
    weights = suppression.weights(torch.ones(4, 8), suppression.view_size, generator).map
    side = suppression.view_size
    border, centre = (slice(0, 2), slice(0, 2)), (slice(side // 2 - 1, side // 2 + 1),) * 2
    weighs_less = weights[0, 0][border].mean() < 0.5 * weights[0, 0][centre].mean()
    clean = suppression.view(patches, None, training=False)[0]
    disturbed = (inputs - clean)[:, :, 0:2, 0:2].std() > 4 * (inputs - clean)[:, :, *centre].std().clamp_min(1e-6)
    sees_less = suppression.window < 256
    assert bool(weighs_less or disturbed or sees_less) == (method not in NO_SUPPRESSION)


def test_parameters_say_what_they_are(method):
    for name, field in SUPPRESSIONS.get(method).Params.model_fields.items():
        assert field.description, name
        assert "unit" in field.json_schema_extra, name
