import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cellbench.errors import DataError
from cellbench.patches import roles
from cellbench.patches.roles import draw_roles


def names(codes, letters="abcdefgh"):
    return [None if code < 0 else letters[code] for code in codes]


@st.composite
def collections(draw):
    n_groups = draw(st.integers(6, 30))
    n = draw(st.integers(n_groups, 200))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)])
    return names(rng.integers(-1, draw(st.integers(2, 4)), n)), [f"g{g}" for g in groups], draw(st.integers(0, 5))


@given(collections(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_roles_have_the_documented_properties(drawn, large):
    labels, groups, seed = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roles, "LARGE", 30 if large else 10**9)
        try:
            found = draw_roles(labels, groups, seed, min_per_class=3)
        except DataError:
            assume(False)
    labels, groups = np.array(labels, dtype=object), np.array(groups)
    pool, labelled, holdout = found.in_pool, found.in_labelled, found.in_holdout
    assert not (holdout & (pool | labelled)).any()
    assert not set(groups[holdout]) & set(groups[pool | labelled])
    if not found.transductive:
        assert not set(groups[labelled]) & set(groups[pool])
    scored = np.isin(labels.astype(str), found.classes)
    assert scored[labelled | holdout].all()
    for name in found.classes:
        assert (labels[labelled] == name).any()
        assert (labels[holdout] == name).any()
    assert {*found.classes, *found.unscored_classes} == {name for name in labels if name is not None}
    assert len(set(groups[pool])) >= 5
    assert len(set(groups[labelled])) >= 5
    held_groups = set(groups[holdout]) | (set() if found.transductive else set(groups[labelled]))
    assert (pool == ~np.isin(groups, sorted(held_groups))).all()


def test_each_image_its_own_gives_exact_shares():
    labels = names(np.arange(300) % 3)
    found = draw_roles(labels, [str(i) for i in range(300)])
    assert found.transductive
    for name in "abc":
        mine = np.array(labels) == name
        assert (found.in_holdout & mine).sum() == 20
        assert (found.in_pool & mine).sum() == (found.in_labelled & mine).sum() == 80


@pytest.mark.parametrize(("n", "large"), [(4999, False), (5000, True)])
def test_from_5000_on_pool_and_labelled_are_different_images(n, large):
    found = draw_roles(names(np.arange(n) % 2), [str(i) for i in range(n)])
    assert found.transductive is not large
    shares = [mask.mean() for mask in (found.in_pool, found.in_labelled, found.in_holdout)]
    assert shares == pytest.approx([0.5, 0.3, 0.2] if large else [0.8, 0.8, 0.2], abs=0.001)


def test_few_large_groups_stay_transductive_and_the_card_says_so():
    n = 6000
    found = draw_roles(names(np.arange(n) % 2), [str(i) for i in np.arange(n) // 750])
    assert found.transductive
    assert "too few groups" in found.notes[0]


def test_the_same_seed_gives_the_same_roles_and_another_one_others():
    labels, groups = names(np.arange(100) % 2), [str(i) for i in range(100)]
    held = [draw_roles(labels, groups, seed).in_holdout.tolist() for seed in (0, 0, 1)]
    assert held[0] == held[1] != held[2]


def test_roles_do_not_depend_on_the_order_of_classes():
    labels, groups = names(np.arange(100) % 2), [str(i) for i in range(100)]
    found = draw_roles(labels, groups, classes=["b", "a"])
    assert found.classes == ["b", "a"]


def test_patches_without_a_label_are_pool_only():
    labels = names([*(np.arange(100) % 2), *([-1] * 50)])
    found = draw_roles(labels, [str(i) for i in range(150)])
    assert found.in_pool[100:].all()
    assert not (found.in_labelled | found.in_holdout)[100:].any()


def test_a_patch_without_a_label_in_a_held_out_group_has_no_role():
    labels, groups = names(np.tile([0, 1, -1], 40)), [str(i) for i in np.arange(120) // 3]
    found = draw_roles(labels, groups)
    held = np.isin(groups, np.array(groups)[found.in_holdout])
    nameless = np.array([label is None for label in labels])
    assert (held & nameless).any()
    assert not (found.in_pool & held).any()


def test_a_rare_class_is_named_and_stays_in_the_pool():
    labels = names([*(np.arange(100) % 2), *([2] * 19), *([3] * 20)])
    found = draw_roles(labels, [str(i) for i in range(139)])
    assert found.classes == ["a", "b", "d"]
    assert found.unscored_classes == {"c": 19}
    assert found.in_pool[100:119].all()


def test_a_class_of_two_groups_is_not_scored_and_one_of_three_is():
    labels = names([*(np.arange(100) % 2), *([2] * 30), *([3] * 30)])
    groups = [*(str(i) for i in range(100)), *(f"c{i % 2}" for i in range(30)), *(f"d{i % 3}" for i in range(30))]
    found = draw_roles(labels, groups)
    assert found.classes == ["a", "b", "d"]
    assert found.unscored_classes == {"c": 30}


def test_four_groups_are_refused():
    with pytest.raises(DataError, match=r"There are 4 groups and five folds need 5\. Add images of more slides"):
        draw_roles(names(np.arange(80) % 2), [str(i % 4) for i in np.arange(80) // 2])


def test_five_groups_must_remain_outside_the_holdout():
    labels = names(np.arange(120) % 2)
    with pytest.raises(DataError, match="There are 5 groups, of which 4 remain"):
        draw_roles(labels, [str(i % 5) for i in np.arange(120) // 2])
    assert len(draw_roles(labels, [str(i % 6) for i in np.arange(120) // 2]).classes) == 2


def test_one_class_is_refused():
    with pytest.raises(DataError, match=r"each needs 20 patches in 3 groups \(found: a 50 in 50 groups, b 19 in 19"):
        draw_roles(names([0] * 50 + [1] * 19), [str(i) for i in range(69)])


def test_no_labels_at_all_are_refused():
    with pytest.raises(DataError, match=r"Fewer than two classes .* \(found: none\)"):
        draw_roles([None] * 50, [str(i) for i in range(50)])


def test_a_label_outside_the_given_classes_is_refused():
    with pytest.raises(DataError, match="lacks these classes of the labels: b"):
        draw_roles(names(np.arange(50) % 2), [str(i) for i in range(50)], classes=["a"])
