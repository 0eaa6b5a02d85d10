import numpy as np
import pytest
from sklearn.metrics import f1_score

from cellbench.probes.confusion import at_frequencies, f1_of_counts, forgiving, neighbours_of
from cellbench.probes.f1 import confusion, f1_by_class

TABLE = np.array([[8, 2, 0], [5, 5, 0], [1, 0, 9]])
"""Ten patches of each class: a is found, half of b are taken for a, and one c is taken for a."""


def test_f1_of_counts_is_that_of_the_predictions():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 4, (2, 200))
    assert f1_of_counts(confusion(labels, predictions, 5)) == pytest.approx(f1_by_class(labels, predictions, 5))


def test_f1_at_natural_frequencies_agrees_with_a_calculation_by_hand():
    # Of 100 cells, 10 are a, 80 are b and 10 are c. Expected: a → 8 a, 2 b; b → 40 a, 40 b; c → 1 a, 9 c.
    weighted = at_frequencies(TABLE, np.array([10.0, 80.0, 10.0]))
    assert weighted == pytest.approx(np.array([[8, 2, 0], [40, 40, 0], [1, 0, 9]]))
    # a: 49 predicted, 8 right, 10 true. b: 42 predicted, 40 right, 80 true. c: 9 predicted, 9 right, 10 true.
    assert f1_of_counts(weighted) == pytest.approx([2 * 8 / 59, 2 * 40 / 122, 2 * 9 / 19])
    assert f1_of_counts(at_frequencies(TABLE, np.array([0.1, 0.8, 0.1]))) == pytest.approx(f1_of_counts(weighted))


def test_f1_at_natural_frequencies_is_that_of_scikit_learn_with_weights_of_patches():
    rng = np.random.default_rng(1)
    labels = rng.permutation(np.repeat([0, 1, 2], [20, 30, 50]))
    predictions = np.where(rng.random(100) < 0.6, labels, rng.integers(0, 3, 100))
    frequencies = np.array([0.7, 0.2, 0.1])
    weights = (frequencies / np.bincount(labels))[labels]
    expected = f1_score(labels, predictions, average=None, sample_weight=weights)
    assert f1_of_counts(at_frequencies(confusion(labels, predictions, 3), frequencies)) == pytest.approx(expected)


def test_the_frequencies_of_the_patches_themselves_change_nothing():
    table = np.array([[8, 2, 0], [1, 1, 0], [2, 3, 15]])
    assert f1_of_counts(at_frequencies(table, table.sum(axis=1) * 0.3)) == pytest.approx(f1_of_counts(table))


def test_a_class_without_patches_has_an_f1_of_0():
    assert f1_of_counts(at_frequencies(np.diag([4, 0]), np.array([0.5, 0.5]))).tolist() == [1, 0]


def test_a_confusion_with_a_neighbour_counts_as_right():
    # a and b are neighbours: 10 a, 10 b and 9 c are right, and one c is taken for a.
    neighbours = neighbours_of(["a", "b", "c"], [["a", "b"]])
    found = forgiving(TABLE, neighbours)
    assert found.tolist() == [[10, 0, 0], [0, 10, 0], [1, 0, 9]]
    assert f1_of_counts(found) == pytest.approx([20 / 21, 1, 18 / 19])
    relabelled = confusion(np.repeat([0, 1, 2], 10), np.array([0] * 10 + [1] * 10 + [0] + [2] * 9), 3)
    assert (found == relabelled).all(), "as if the neighbour had been predicted right"


def test_only_direct_neighbours_are_forgiven():
    order = [["PMY", "MY", "MMY", "BNE", "SNE"]]
    classes = ["BNE", "LY", "MMY", "MY", "PMY", "SNE"]
    found = neighbours_of(classes, order)
    pairs = {frozenset((classes[i], classes[j])) for i, j in np.argwhere(found)}
    assert pairs == {frozenset(each) for each in (("PMY", "MY"), ("MY", "MMY"), ("MMY", "BNE"), ("BNE", "SNE"))}
    assert (found == found.T).all()
    assert not found.diagonal().any()
    without_mmy = neighbours_of(["MY", "BNE"], order)
    assert not without_mmy.any(), "a stage that is not scored does not make neighbours of those beside it"
    swapped = np.array([[0, 0, 5], [0, 5, 0], [5, 0, 0]])
    assert (forgiving(swapped, neighbours_of(["PMY", "MY", "MMY"], order)) == swapped).all(), "two stages apart"
