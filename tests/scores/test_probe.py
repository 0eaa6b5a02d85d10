"""The probe and its scores, compared with slow and independent implementations."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellbench.patches.folds import probe_folds
from cellbench.probes.confusion import f1_of_counts
from cellbench.probes.f1 import confusion, f1_by_class, macro_f1
from cellbench.probes.paper import Network, Standardizer, fit_networks
from cellbench.scores.classification import cross_validate


def fit_network(features: np.ndarray, labels: np.ndarray, n_classes: int, seed: int) -> Network:
    return fit_networks(features, labels, n_classes, [(np.arange(len(labels)), seed)])[0]


def blobs(n: int = 240, n_features: int = 10, n_classes: int = 3, spread: float = 1.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    centres = rng.normal(0, 2, (n_classes, n_features))
    return centres[labels] + spread * rng.normal(size=(n, n_features)), labels.astype(np.int64), np.arange(n) // 4


def fit_one_by_one(features: np.ndarray, labels: np.ndarray, n_classes: int, seed: int) -> torch.nn.Sequential:
    """The same probe with torch's own layers, its weights drawn in the same order."""
    generator = torch.Generator().manual_seed(seed)
    sizes = (features.shape[1], 128, 64, n_classes)
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(sizes)]
    with torch.no_grad():
        for layer in layers:
            bound = layer.in_features**-0.5
            layer.weight.copy_(
                torch.empty(layer.in_features, layer.out_features).uniform_(-bound, bound, generator=generator).T
            )
            layer.bias.uniform_(-bound, bound, generator=generator)
    net = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    x, y = torch.from_numpy(Standardizer.fit(features)(features)), torch.from_numpy(labels)
    for _ in range(40):
        for rows in torch.randperm(len(y), generator=generator).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    return net


def test_the_batched_probe_equals_probes_that_are_fitted_one_by_one():
    features, labels, _ = blobs(spread=3)
    batched = fit_networks(features, labels, 3, [(np.arange(len(labels)), seed) for seed in (0, 7)])
    for probe, seed in zip(batched, (0, 7), strict=True):
        plain = fit_one_by_one(features, labels, 3, seed)
        with torch.no_grad():
            expected = plain(torch.from_numpy(probe.standardizer(features))).softmax(dim=1).numpy()
        np.testing.assert_allclose(probe.probabilities(features), expected, atol=2e-3)


def test_probes_of_different_size_do_not_influence_each_other():
    features, labels, _ = blobs(spread=3)
    small = np.arange(0, 240, 2)
    together = fit_networks(features, labels, 3, [(small, 1), (small, 2)])[0]
    alone = fit_network(features[small], labels[small], 3, 1)
    np.testing.assert_allclose(together.probabilities(features), alone.probabilities(features), atol=2e-3)


def test_an_inactive_unit_is_not_scaled_up():
    features = np.random.default_rng(0).normal(size=(50, 3)) * [1.0, 0.02, 0.001]
    scaled = Standardizer.fit(features)(features)
    assert scaled.std(axis=0) == pytest.approx([1, 1, 0], abs=1e-5)
    assert (Standardizer.fit(np.ones((5, 2)))(np.ones((5, 2))) == 0).all()


def test_separable_classes_are_found_and_noise_is_not():
    features, labels, groups = blobs(spread=0.5)
    good = cross_validate(features, labels, groups, 3, "paper")
    assert good.f1_macro > 0.97
    assert good.knn_f1_macro > 0.97
    assert good.linear_f1_macro > 0.97
    assert good.confusions.sum(axis=(1, 2)).tolist() == [len(labels)] * 3, "one table for each seed of the probe"
    assert np.mean([f1_of_counts(table).mean() for table in good.confusions]) == pytest.approx(good.f1_macro)
    noise = np.random.default_rng(1).normal(size=features.shape)
    assert cross_validate(noise, labels, groups, 3, "paper", peers=False).f1_macro < 0.5


def test_the_spread_is_the_standard_deviation_of_the_folds():
    features, labels, groups = blobs(spread=3)
    found = cross_validate(features, labels, groups, 3, "paper", seeds=(0,), peers=False)
    each = []
    for train, test in probe_folds(labels, groups, n_folds=5, seed=0):
        probe = fit_network(features[train], labels[train], 3, 0)
        each.append(macro_f1(labels[test], probe.predict(features[test]), 3))
    assert found.f1_std == pytest.approx(np.std(each, ddof=1), rel=0.05)


def test_a_class_that_a_fold_lacks_does_not_widen_the_spread():
    """Three patches of a class are in at most three of five folds."""
    features, labels, groups = blobs(spread=0.01)
    kept = np.concatenate([np.flatnonzero(labels < 2), np.flatnonzero(labels == 2)[:3]])
    found = cross_validate(features[kept], labels[kept], groups[kept], 3, "kernel_ridge", peers=False)
    assert found.f1_macro == 1
    assert found.f1_std == 0


def test_predictions_are_out_of_fold():
    """Random labels can be memorised, but not predicted."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(200, 30)), rng.integers(0, 2, 200)
    memorised = fit_network(features, labels, 2, 0)
    assert macro_f1(labels, memorised.predict(features), 2) > 0.95
    assert cross_validate(features, labels, np.arange(200), 2, "paper", seeds=(0,), peers=False).f1_macro < 0.65


def test_the_same_seeds_give_the_same_scores():
    features, labels, groups = blobs(spread=4)
    first, again, other = (
        cross_validate(features, labels, groups, 3, "paper", seeds=s, peers=False) for s in ((0,), (0,), (1,))
    )
    assert first.f1_macro == again.f1_macro
    assert first.f1_macro != other.f1_macro


@settings(deadline=None)
@given(
    labels=hnp.arrays(np.int64, 30, elements=st.integers(0, 3)),
    predictions=hnp.arrays(np.int64, 30, elements=st.integers(0, 3)),
)
def test_f1_and_confusion_agree_with_counting_over_a_fixed_list_of_classes(labels, predictions):
    n_classes = 5  # the last class is never present
    pairs = list(zip(labels, predictions, strict=True))
    counts = [[pairs.count((true, predicted)) for predicted in range(n_classes)] for true in range(n_classes)]
    f1 = []
    for code in range(n_classes):
        total = sum(counts[code]) + sum(row[code] for row in counts)
        f1.append(2 * counts[code][code] / total if total else 0.0)
    assert f1_by_class(labels, predictions, n_classes).tolist() == f1
    assert macro_f1(labels, predictions, n_classes) == pytest.approx(sum(f1) / n_classes, rel=1e-12)
    assert confusion(labels, predictions, n_classes).tolist() == counts
