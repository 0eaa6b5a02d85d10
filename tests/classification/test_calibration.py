"""Calibrated probabilities, when a classifier is unsure, and how unlike the training data a cell is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from cellbench.classification.calibration import (
    Calibration,
    best_temperature,
    calibration_error,
    risk_coverage,
    tempered,
    threshold_at,
)
from cellbench.classification.familiarity import SHARE_BEYOND, Familiarity
from cellbench.errors import DataError


def drawn(sharpness, n=4000, n_classes=4):
    """Probabilities that are right, labels drawn from them, and the same probabilities made too sure or too shy."""
    rng = np.random.default_rng(0)
    right = softmax(rng.normal(0, 2, (n, n_classes)), axis=1)
    labels = (right.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return tempered(right, 1 / sharpness), labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_made_probabilities_too_sure(sharpness):
    given_, labels = drawn(sharpness)
    assert best_temperature(given_, labels) == pytest.approx(sharpness, rel=0.1)
    found = Calibration.fit(given_, labels)
    assert found.error_after < 0.03
    assert found.error_after <= found.error_before + 0.01
    np.testing.assert_array_equal(found(given_).argmax(axis=1), given_.argmax(axis=1))


def test_the_error_is_the_mean_gap_between_confidence_and_accuracy():
    probabilities = np.array([[0.95, 0.05]] * 4 + [[0.45, 0.55]] * 2)
    labels = np.array([0, 0, 0, 1, 1, 0])
    # Bin of 0.95: accuracy 3/4, gap 0.2, weight 4/6. Bin of 0.55: accuracy 1/2, gap 0.05, weight 2/6.
    assert calibration_error(probabilities, labels) == pytest.approx(0.2 * 4 / 6 + 0.05 * 2 / 6)


def test_certain_and_impossible_classes_have_finite_losses():
    probabilities, labels = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), np.array([0, 1, 1])
    found = Calibration.fit(probabilities, labels)
    assert np.isfinite(found.temperature)
    assert found.temperature > 1, "it was sure and wrong"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.01, 1))
def test_at_least_the_asked_share_reaches_the_threshold(confidence, coverage):
    values = np.array(confidence)
    reached = (values >= threshold_at(values, coverage)).sum()
    assert reached >= round(coverage * len(values), 9)


def test_a_classifier_is_unsure_below_its_threshold_only():
    probabilities, labels = drawn(1.0)
    found = Calibration.fit(probabilities, labels, coverage=0.7)
    calibrated = found(probabilities)
    unsure = found.is_unsure(calibrated)
    assert unsure.mean() == pytest.approx(0.3, abs=0.01)
    assert found.accuracy_decided > (calibrated.argmax(axis=1) == labels).mean(), "it leaves out the doubtful ones"
    assert not Calibration.fit(probabilities, labels, coverage=1.0).is_unsure(calibrated).any()


def test_risk_is_the_share_of_errors_among_the_most_confident():
    coverage, risk = risk_coverage(np.array([0.9, 0.6, 0.8]), np.array([True, False, False]))
    np.testing.assert_allclose(coverage, [1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(risk, [0, 1 / 2, 2 / 3])


@pytest.fixture
def known():
    """Embeddings of two classes with unequal variances, a constant unit and a duplicate, and five folds."""
    rng = np.random.default_rng(0)
    labels = np.arange(500) % 2
    values = rng.normal(0, [1.0, 5.0, 0.1], (500, 3)) + 10 * labels[:, None] * [1, 0, 0]
    embeddings = np.column_stack([values, values[:, 0], np.full(500, 3.0)]).astype(np.float32)
    rows = np.arange(500)
    folds = [(rows[rows % 5 != fold], rows[rows % 5 == fold]) for fold in range(5)]
    return embeddings, labels, folds


def test_the_unit_of_distance_is_what_one_in_a_hundred_unseen_patches_exceed(known):
    embeddings, labels, folds = known
    found = Familiarity.fit(embeddings, labels, folds)
    assert (found.distances(embeddings) > 1).mean() == pytest.approx(SHARE_BEYOND, abs=0.01)
    far = embeddings[:1] + np.array([0, 0, 2, 0, 0], np.float32)  # 20 standard deviations of its third unit
    assert found.distances(far)[0] > 1.5
    between = embeddings[:2].mean(axis=0, keepdims=True)
    assert found.distances(between)[0] > found.distances(embeddings[:2]).max(), "neither class is there"


def test_distances_do_not_depend_on_units_of_measurement_alike_for_all(known):
    embeddings, labels, folds = known
    found, scaled = Familiarity.fit(embeddings, labels, folds), Familiarity.fit(7 * embeddings - 2, labels, folds)
    np.testing.assert_allclose(scaled.distances(7 * embeddings - 2), found.distances(embeddings), rtol=1e-3)


def test_distances_are_the_same_after_saving_and_damage_is_named(known):
    embeddings, labels, folds = known
    found = Familiarity.fit(embeddings, labels, folds)
    state = found.state()
    np.testing.assert_array_equal(Familiarity.restore(state).distances(embeddings), found.distances(embeddings))
    with pytest.raises(DataError, match="distances of the classifier are damaged"):
        Familiarity.restore({**state, "means": state["means"][:, :2]})
    with pytest.raises(DataError, match="distances of the classifier are damaged"):
        Familiarity.restore({"limit": state["limit"]})
