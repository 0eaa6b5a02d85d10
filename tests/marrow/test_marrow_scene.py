import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from cellbench.marrow.cells import CLASS_NAMES, RECIPES
from cellbench.marrow.dataset import draw_record
from cellbench.marrow.scene import draw_mask, draw_patch, plan_patch, slide_look
from cellbench.marrow.spec import MARROW_VERSION, MarrowSpec

SPEC = MarrowSpec(n_patches=400, size=64, seed=3)


def plans_of(spec, n=400):
    return [plan_patch(spec, index) for index in range(n)]


def test_a_patch_is_drawn_the_same_again_and_does_not_depend_on_how_many_there_are():
    first = draw_record(SPEC, 5)
    draw_record(SPEC, 6)
    again = draw_record(SPEC.model_copy(update={"n_patches": 6}), 5)
    np.testing.assert_array_equal(first.patch, again.patch)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert first.radius_px == again.radius_px


def test_other_seeds_and_other_indices_draw_other_patches():
    patch = draw_record(SPEC, 0).patch.astype(int)
    assert np.abs(patch - draw_record(SPEC, 1).patch).mean() > 5
    assert np.abs(patch - draw_record(SPEC.model_copy(update={"seed": 4}), 0).patch).mean() > 5


@pytest.mark.parametrize(
    ("index", "slide", "code", "radius_px", "quarters"),
    [
        (0, 6, 3, 19.299, [[197.7, 171.1, 194.1], [202.8, 183.8, 201.4], [170, 149.1, 188], [168.7, 148.2, 181.1]]),
        (1, 11, 6, 15.059, [[203.9, 167.3, 170.1], [206.8, 170.4, 168.1], [174, 133.8, 174], [217.5, 183.2, 181.3]]),
    ],
)  # fmt: skip
def test_version_1_is_frozen(index, slide, code, radius_px, quarters):
    """Other pixels are another data set: raise MARROW_VERSION with them. Means of quarters: processors round unlike."""
    assert MARROW_VERSION == 1
    record = draw_record(MarrowSpec(n_patches=3, size=64, seed=7), index)
    assert (record.slide, record.class_code) == (slide, code)
    assert record.radius_px == pytest.approx(radius_px, abs=1e-3)
    np.testing.assert_allclose(
        record.patch.reshape(2, 32, 2, 32, 3).mean(axis=(1, 3)).reshape(4, 3), quarters, atol=0.4
    )


def test_the_mask_has_the_area_of_the_true_radius():
    spec = SPEC.model_copy(update={"size": 128, "median_radius_px": 24.0})
    for plan in plans_of(spec, 30):
        mask = draw_mask(spec, plan)
        assert not mask[[0, -1]].any(), "the cell is inside the patch"
        assert not mask[:, [0, -1]].any()
        assert np.sqrt(mask.sum() / np.pi) == pytest.approx(plan.radius_um / spec.um_per_px, rel=0.02)


def test_the_mask_lies_on_the_drawn_cell():
    """Inside it is darker than just outside, where there are no other cells."""
    spec = SPEC.model_copy(update={"crowding": 0.0, "artefact_share": 0.0, "median_radius_px": 16.0})
    for index in range(12):
        record = draw_record(spec, index)
        grey = record.patch.mean(axis=2)
        assert grey[record.mask > 0].mean() < grey[distance_transform_edt(record.mask == 0) > 2].mean() - 20


@pytest.mark.parametrize("radius_px", [12.0, 30.0])
def test_the_median_radius_is_that_of_the_spec(radius_px):
    spec = SPEC.model_copy(update={"median_radius_px": radius_px, "n_slides": 200})
    radii = [plan.radius_um / spec.um_per_px for plan in plans_of(spec, 1500) if plan.shape is not None]
    assert np.median(radii) == pytest.approx(radius_px, rel=0.05)


def test_without_a_median_radius_the_scale_is_the_papers():
    assert MarrowSpec(size=256).um_per_px == pytest.approx(0.087)
    assert MarrowSpec(size=64).um_per_px == pytest.approx(4 * 0.087)
    diameters = [2 * plan.radius_um for plan in plans_of(SPEC) if plan.shape is not None]
    assert 8 - 1e-6 <= min(diameters) < 9
    assert 20 < max(diameters) <= 25 + 1e-6


def test_crowding_changes_the_surroundings_and_not_the_cell():
    for index in range(15):
        empty, full = (SPEC.model_copy(update={"crowding": crowding}) for crowding in (0.0, 2.0))
        a, b = plan_patch(empty, index), plan_patch(full, index)
        np.testing.assert_array_equal(draw_mask(empty, a), draw_mask(full, b))
        mask = draw_mask(empty, a)
        depth = distance_transform_edt(mask)
        difference = np.abs(draw_patch(empty, a).astype(int) - draw_patch(full, b)).mean(axis=2)
        if a.shape is not None:  # an artefact is thin in places: what lies below shines through
            assert difference[depth > 0.7 * depth.max()].mean() < 4
        assert difference[mask == 0].mean() > 15


def median_diameter(plans, name):
    return np.median([2 * plan.radius_um for plan in plans if plan.class_code == CLASS_NAMES.index(name)])


def test_size_predicts_the_class_only_as_much_as_the_spec_says():
    ratios = []
    for correlation in (0.0, 0.5, 1.0):
        plans = plans_of(SPEC.model_copy(update={"class_size_correlation": correlation}), 1500)
        ratios.append(median_diameter(plans, "promyelocyte") / median_diameter(plans, "lymphocyte"))
    assert ratios[0] == pytest.approx(1, abs=0.08)
    assert ratios[2] == pytest.approx(18.0 / 10.2, abs=0.15)
    assert ratios[0] + 0.1 < ratios[1] < ratios[2] - 0.1


def test_without_correlation_the_sizes_are_spread_as_before():
    specs = [SPEC.model_copy(update={"class_size_correlation": correlation}) for correlation in (0.0, 1.0)]
    radii = [[plan.radius_um for plan in plans_of(spec, 1500)] for spec in specs]
    np.testing.assert_allclose(*(np.quantile(values, [0.1, 0.5, 0.9]) for values in radii), rtol=0.06)


def test_no_cell_is_farther_from_the_centre_than_the_bound():
    offsets = np.array([plan.centre_um for plan in plans_of(SPEC)]) / SPEC.um_per_px - SPEC.size / 2
    distance = np.hypot(*offsets.T)
    assert distance.max() <= SPEC.max_offset_px + 1e-9
    assert np.std(offsets) == pytest.approx(SPEC.jitter_std_px, rel=0.15)
    still = SPEC.model_copy(update={"jitter_px": 0.0})
    assert plan_patch(still, 0).centre_um == pytest.approx((still.size * still.um_per_px / 2,) * 2)


def test_artefacts_have_their_share_and_without_a_class():
    spec = SPEC.model_copy(update={"artefact_share": 0.3})
    artefacts = [plan for plan in plans_of(spec) if plan.class_code < 0]
    assert len(artefacts) / 400 == pytest.approx(0.3, abs=0.07)
    assert {plan.artefact.name for plan in artefacts} == {"smudge", "torn_nucleus", "precipitate", "platelet_clump"}
    for plan in artefacts[:8]:
        assert draw_patch(spec, plan).shape == (64, 64, 3)
    assert all(plan.class_code >= 0 for plan in plans_of(SPEC.model_copy(update={"artefact_share": 0.0}), 100))


def test_all_classes_occur_with_unequal_frequency():
    counts = np.bincount([plan.class_code for plan in plans_of(SPEC, 1500) if plan.class_code >= 0], minlength=10)
    assert counts.min() > 30
    assert counts.max() > 2 * counts.min()


def test_slides_differ_in_stain_and_light():
    looks = [slide_look(SPEC.seed, slide) for slide in range(12)]
    assert np.std([look.light for look in looks], axis=0).min() > 0.005
    assert np.std([look.dyes["nuclear"] for look in looks], axis=0).min() > 0.02
    assert len({look.blur_um for look in looks}) == 12
    same = slide_look(SPEC.seed, 0)
    np.testing.assert_array_equal(same.light, looks[0].light)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_nucleus_has_its_share_of_the_cell(recipe):
    spec = MarrowSpec(n_patches=1500, size=96, median_radius_px=24.0, artefact_share=0.0)
    shares = []
    axis = (np.arange(96) - 47.5) * spec.um_per_px
    x, y = axis.astype(np.float32)[None, :], axis.astype(np.float32)[:, None]
    for plan in plans_of(spec, 300):
        if plan.class_code == CLASS_NAMES.index(recipe.name):
            cell = plan.outline.distance(x, y)[0] > 0
            nucleus = plan.shape.nucleus.distance(x, y) > 0
            shares.append((cell & nucleus).sum() / cell.sum())
            assert (nucleus & ~cell).sum() < 0.1 * nucleus.sum(), "the nucleus lies in its cell"
    assert np.mean(shares) == pytest.approx(recipe.nucleus_share[0], rel=0.2)
