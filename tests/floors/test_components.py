"""Principal components of what a suppression shows."""

from dataclasses import replace

import numpy as np
import pytest

from cellbench.floors import CachedFloor, CellRadius, FloorContext, FloorMask, UnavailableFloorError
from cellbench.floors.linear_curve import linear_curve
from cellbench.floors.pca import Pca
from cellbench.floors.pca_masked import MaskedPca
from cellbench.training.configuration import Configuration, TrainingSettings

RADIUS = CellRadius(None, "not used")


def context(views=1, mask=None, size=20):
    settings = TrainingSettings(encoder="test_resnet", network_size=size, views=views)
    return FloorContext(40, settings, (0,), RADIUS, mask)


def fixed_mask(r_max, **params):
    return FloorMask(Configuration(method="mask_fixed", params={"r_max": r_max, **params}))


@pytest.fixture
def patches(discs):
    found = discs.resized(20, discs.path / "cache")
    return np.array(found[discs.rows("pool")[:30]]), np.array(found[discs.rows("labelled")])


def flat(images):
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1) / 255


def directions(pool, n=4):
    return np.linalg.svd(flat(pool) - flat(pool).mean(axis=0), full_matrices=False)[2][:n]


def test_pca_agrees_with_the_singular_vectors(patches):
    pool, labelled = patches
    found = Pca(context(), n_components=4).fit(pool, 0).embed(labelled)
    expected = (flat(labelled) - flat(pool).mean(axis=0)) @ directions(pool).T
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)


def test_the_mean_over_views_is_pca_of_the_symmetrised_patch(patches):
    pool, labelled = patches
    found = Pca(context(views=2), n_components=4).fit(pool, 0).embed(labelled)
    both = (flat(labelled) + flat(labelled[:, ::-1, ::-1])) / 2
    expected = (both - flat(pool).mean(axis=0)) @ directions(pool).T
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)


def test_the_spread_over_two_views_is_half_their_difference(patches):
    pool, labelled = patches
    mask = fixed_mask(28.3, shape="hard")  # as large as the patch, so that all weights are 1
    found = MaskedPca(context(views=2, mask=mask), n_components=4).fit(pool, 0).embed(labelled)
    centre = flat(pool).mean(axis=0)
    one, other = ((flat(each) - centre) @ directions(pool).T for each in (labelled, labelled[:, ::-1, ::-1]))
    np.testing.assert_allclose(np.abs(found[:, :4]), np.abs(one + other) / 2, atol=1e-3)
    np.testing.assert_allclose(found[:, 4:], np.abs(one - other) / 2, atol=1e-3)
    plain = MaskedPca(context(views=2, mask=mask), n_components=4, spread=False).fit(pool, 0).embed(labelled)
    np.testing.assert_allclose(plain, found[:, :4], atol=1e-4)


def test_one_view_has_no_spread(patches):
    pool, labelled = patches
    assert MaskedPca(context(mask=fixed_mask(14.0)), n_components=4).fit(pool, 0).embed(labelled).shape[1] == 4


def test_a_mask_helps_where_the_surroundings_are_noise(discs, tmp_path):
    plain, masked = (
        CachedFloor(name, floor, discs, (0,), tmp_path)
        for name, floor in (
            ("pca", Pca(context(), n_components=8)),
            ("pca_masked", MaskedPca(context(mask=fixed_mask(14.0)), n_components=8)),
        )
    )
    assert masked.f1_macro("paper") > plain.f1_macro("paper")


def test_pca_of_a_crop_sees_the_crop(discs):
    crop = FloorMask(Configuration(method="crop_small", params={"offset_sigma": 5.0}))
    floor = MaskedPca(context(mask=crop, size=14), n_components=4)
    seen = np.array(discs.resized(floor.source_size, discs.path / "cache")[:20])
    border = seen.copy()
    border[:, 0] = 255 - border[:, 0]
    fitted = floor.fit(seen, 0)
    assert floor.source_size > 14
    assert np.array_equal(fitted.embed(border), fitted.embed(seen))


def test_a_trained_radius_replaces_that_of_the_configuration(patches):
    """Only its training knows a learned radius; the weights are then those of `mask_fixed`."""
    learned = FloorMask(Configuration(method="mask_learned", params={"penalty": False}), r_max=14.0)
    pool, labelled = patches
    found, expected = (
        MaskedPca(context(mask=mask), n_components=4).fit(pool, 0).embed(labelled)
        for mask in (learned, fixed_mask(14.0, normalize=False))
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_without_a_mask_the_floor_says_why():
    with pytest.raises(UnavailableFloorError, match="The floor pca_masked needs a mask or a crop, and no method"):
        MaskedPca(context())


def test_the_linear_curve_is_the_floor_without_the_spread_and_leaves_the_holdout_alone(discs, tmp_path):
    settings = TrainingSettings(network_size=16)
    mask = fixed_mask(14.0, shape="sqrt", normalize=True)
    own = replace(context(mask=mask), settings=settings)
    expected = CachedFloor("pca_masked", MaskedPca(own, spread=False), discs, (0,), tmp_path / "a").f1_macro("paper")
    assert list(linear_curve(discs, [14.0], "sqrt", 16, tmp_path / "b", "paper")) == [expected]
    assert not list((tmp_path / "b").glob("*holdout"))
