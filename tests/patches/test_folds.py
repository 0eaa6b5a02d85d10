import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellbench.errors import DataError
from cellbench.patches.folds import pool_folds, probe_folds


@st.composite
def grouped(draw):
    n_groups = draw(st.integers(5, 12))
    groups = list(range(n_groups)) + draw(st.lists(st.integers(0, n_groups - 1), max_size=60))
    labels = draw(st.lists(st.integers(0, 2), min_size=len(groups), max_size=len(groups)))
    return groups, labels


def check(folds, groups, n_folds=5):
    groups = np.asarray(groups)
    assert len(folds) == n_folds
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(groups)))
    for train, test in folds:
        assert train.dtype == test.dtype == np.int64
        assert len(test)
        assert sorted([*train, *test]) == list(range(len(groups)))
        assert not set(groups[train]) & set(groups[test])


@given(grouped(), st.integers(0, 3))
@settings(deadline=None)
def test_pool_folds_partition_the_pool_and_split_no_group(drawn, seed):
    check(pool_folds(drawn[0], seed=seed), drawn[0])


@given(grouped(), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_probe_folds_partition_the_labelled_and_split_no_group(drawn, seed):
    groups, labels = drawn
    labels[0] = 1
    labels += [0] * 5
    groups += [0] * 5
    folds = probe_folds(labels, groups, seed=seed)
    covered = np.concatenate([test for _, test in folds])
    assert sorted(covered) == list(range(len(groups)))
    for train, test in folds:
        assert not set(np.asarray(groups)[train]) & set(np.asarray(groups)[test])


@pytest.mark.parametrize("groups", [np.arange(53), np.arange(53) // 4])
def test_folds_are_of_about_equal_size(groups):
    sizes = [len(test) for _, test in pool_folds(groups)]
    assert max(sizes) - min(sizes) <= np.bincount(groups).max()


def test_the_seed_decides():
    groups = np.arange(40)
    same = [pool_folds(groups, seed=seed)[0][1].tolist() for seed in (1, 1, 2)]
    assert same[0] == same[1] != same[2]
    same = [probe_folds(groups % 2, groups, seed=seed)[0][1].tolist() for seed in (1, 1, 2)]
    assert same[0] == same[1] != same[2]


@pytest.mark.parametrize("n_per_group", [1, 3])
def test_probe_folds_have_each_class_in_its_share(n_per_group):
    groups = np.arange(150) // n_per_group
    labels = np.where(groups % 5 == 0, 1, 0)
    for _, test in probe_folds(labels, groups):
        assert labels[test].mean() == pytest.approx(0.2, abs=0.05)


def test_a_class_rarer_than_the_folds_gives_no_warning():
    probe_folds([0] * 20 + [1], np.arange(21))


def test_group_names_may_be_text():
    check(pool_folds(list("abcdeabcde")), list("abcdeabcde"))


def test_five_groups_are_enough_and_four_are_not():
    assert len(pool_folds(np.arange(5))) == 5
    with pytest.raises(DataError, match="come from 4 groups, fewer than the 5 folds"):
        pool_folds(np.arange(4))
    with pytest.raises(DataError, match="come from 4 groups, fewer than the 5 folds"):
        probe_folds([0, 1, 0, 1], np.arange(4))
    assert len(pool_folds(np.arange(4), n_folds=4)) == 4


def test_one_fold_is_refused():
    with pytest.raises(DataError, match=r"n_folds must be 2 or more\. Got 1"):
        pool_folds(np.arange(5), n_folds=1)


def test_one_class_cannot_be_probed():
    with pytest.raises(DataError, match="have the same class"):
        probe_folds([1] * 10, np.arange(10))


def test_a_class_needs_as_many_patches_as_there_are_folds():
    assert len(probe_folds([0] * 5 + [1] * 4, np.arange(9))) == 5
    with pytest.raises(DataError, match="No class has more than 4 labelled patches, fewer than the 5 folds"):
        probe_folds([0] * 4 + [1] * 4, np.arange(8))


def test_the_pool_has_no_labels():
    with pytest.raises(DataError, match="drawn without labels"):
        pool_folds(np.arange(5), labels=np.arange(5))


def test_labels_and_groups_must_have_equal_length():
    with pytest.raises(DataError, match="There are 4 labels and 5 groups"):
        probe_folds([0, 1, 0, 1], np.arange(5))
