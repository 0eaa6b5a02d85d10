"""What every registered probe must do."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from cellbench.errors import DataError
from cellbench.probes import DEFAULT_PROBE, PROBES


def cells(n: int = 90, n_classes: int = 3, n_units: int = 6, spread: float = 1.0):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % n_classes
    units = rng.normal(0, 2, (n_classes, n_units))[labels] + spread * rng.normal(size=(n, n_units))
    return units.astype(np.float32), labels, np.arange(n) // 3


@pytest.fixture(params=PROBES.names())
def probe(request):
    return PROBES.get(request.param)


def fit(probe, units, labels, groups, n_classes=3, seed=0):
    return probe.fit(units, labels, groups, n_classes, [(np.arange(len(labels)), seed)])[0]


def test_the_default_probe_is_registered():
    assert DEFAULT_PROBE in PROBES.names()


def test_probabilities_sum_to_1_and_predictions_are_the_largest(probe):
    units, labels, groups = cells(spread=3)
    fitted = fit(probe, units, labels, groups)
    probabilities = fitted.probabilities(units)
    assert probabilities.shape == (90, 3)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (fitted.predict(units) == probabilities.argmax(axis=1)).all()


def test_separable_classes_are_learned_and_fits_come_in_their_order(probe):
    units, labels, groups = cells(spread=0.5)
    some, others = np.flatnonzero(labels != 2), np.flatnonzero(labels != 0)
    first, second = probe.fit(units, labels, groups, 3, [(some, 0), (others, 1)])
    assert (first.predict(units[some]) == labels[some]).mean() > 0.9
    assert (second.predict(units[others]) == labels[others]).mean() > 0.9
    assert not (first.predict(units) == 2).any()
    assert not (second.predict(units) == 0).any()


def test_a_probe_is_restored_from_its_state_in_a_file(probe):
    units, labels, groups = cells(spread=3)
    fitted = fit(probe, units, labels, groups)
    restored = probe.restore(load(save({name: np.ascontiguousarray(a) for name, a in fitted.state().items()})))
    assert (restored.probabilities(units) == fitted.probabilities(units)).all()


def test_a_state_without_one_of_its_arrays_is_damaged(probe):
    units, labels, groups = cells()
    state = fit(probe, units, labels, groups).state()
    for name in state:
        with pytest.raises(DataError, match="state of the probe is damaged"):
            probe.restore({key: array for key, array in state.items() if key != name})
    with pytest.raises(DataError, match="state of the probe is damaged"):
        probe.restore({})


def test_a_state_whose_shapes_do_not_fit_is_damaged(probe):
    units, labels, groups = cells()
    state = fit(probe, units, labels, groups).state()
    for name, array in state.items():
        with pytest.raises(DataError, match="state of the probe is damaged"):
            probe.restore(state | {name: np.zeros((0, *array.shape[1:]), array.dtype)})


@pytest.mark.parametrize("labels", [np.full(30, 1), np.array([0, 1, 2]), np.repeat([0, 1, 2], [20, 9, 1])])
def test_one_class_single_patches_and_few_groups_can_be_fitted(probe, labels):
    units = np.random.default_rng(0).normal(size=(len(labels), 4)).astype(np.float32)
    for groups in (np.arange(len(labels)), np.zeros(len(labels), dtype=np.int64)):  # one group: fewer than inner folds
        probabilities = fit(probe, units, labels, groups).probabilities(units)
        assert np.isfinite(probabilities).all()
        if len(set(labels)) == 1:
            assert (probabilities.argmax(axis=1) == labels).all()


def test_constant_embeddings_give_the_same_finite_prediction_everywhere(probe):
    _, labels, groups = cells()
    probabilities = fit(probe, np.ones((90, 6), np.float32), labels, groups).probabilities(np.ones((5, 6), np.float32))
    assert np.isfinite(probabilities).all()
    assert (probabilities == probabilities[0]).all()


def test_the_same_seed_gives_the_same_probe(probe):
    units, labels, groups = cells(spread=3)
    first, again = (fit(probe, units, labels, groups, seed=3).probabilities(units) for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize("name", PROBES.names())
def test_permuted_labels_give_chance(name):
    units, labels, groups = cells(n=600)
    labels = np.random.default_rng(1).permutation(labels)
    train, test = np.arange(400), np.arange(400, 600)
    fitted = PROBES.get(name).fit(units, labels, groups, 3, [(train, 0)])[0]
    assert abs((fitted.predict(units[test]) == labels[test]).mean() - 1 / 3) < 0.12  # 3.6 standard errors
