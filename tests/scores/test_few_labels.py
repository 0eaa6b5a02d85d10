"""Macro F1 with few labels: what is drawn, what the probe sees, and the interval."""

import numpy as np
import pytest
from scipy.stats import t

from cellbench.errors import DataError, NotFoundError
from cellbench.patches.folds import probe_folds
from cellbench.probes import PROBES, FittedProbe, Probe
from cellbench.probes.f1 import macro_f1
from cellbench.scores.few_labels import drawn_rows, few_label_scores


def cells(n: int = 300, n_classes: int = 3, n_groups: int = 15, spread: float = 2.5):
    """Embeddings whose first unit is the number of the row, which no probe can use."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, n)
    groups = rng.integers(0, n_groups, n)
    embeddings = rng.normal(0, 2, (n_classes, 6))[labels] + spread * rng.normal(size=(n, 6))
    return embeddings.astype(np.float32), labels, groups


def draw(rows, labels, groups, n, seed=0):
    return drawn_rows(rows, labels, groups, n, np.random.default_rng(seed))


def test_each_class_gives_n_rows_of_those_that_may_be_drawn():
    _, labels, groups = cells()
    rows = np.arange(0, 300, 2)
    drawn = draw(rows, labels, groups, 5)
    assert np.bincount(labels[drawn]).tolist() == [5, 5, 5]
    assert len(set(drawn)) == 15
    assert set(drawn) <= set(rows)
    assert (np.diff(drawn) > 0).all()


def test_rows_come_from_as_many_groups_as_possible():
    labels = np.zeros(40, dtype=np.int64)
    groups = np.repeat([0, 1, 2, 3], [34, 3, 2, 1])  # most patches are of one slide
    for seed in range(20):
        assert sorted(groups[draw(np.arange(40), labels, groups, 3, seed)]) == sorted(
            set(groups[draw(np.arange(40), labels, groups, 3, seed)])
        )
        assert np.bincount(groups[draw(np.arange(40), labels, groups, 4, seed)]).tolist() == [1, 1, 1, 1]
        assert np.bincount(groups[draw(np.arange(40), labels, groups, 7, seed)]).tolist() == [2, 2, 2, 1]
        assert np.bincount(groups[draw(np.arange(40), labels, groups, 10, seed)]).tolist() == [4, 3, 2, 1]


def test_every_row_of_a_group_is_drawn_about_equally_often():
    labels, groups = np.zeros(12, dtype=np.int64), np.repeat([0, 1, 2], 4)
    often = np.zeros(12)
    for seed in range(2000):
        often[draw(np.arange(12), labels, groups, 1, seed)] += 1
    assert np.abs(often / 2000 - 1 / 12).max() < 0.025  # four standard errors


def test_a_class_with_fewer_rows_gives_all_and_a_smaller_draw_is_part_of_a_larger_one():
    _, labels, groups = cells()
    labels[np.flatnonzero(labels == 2)[3:]] = 0
    few, more = (draw(np.arange(300), labels, groups, n) for n in (5, 20))
    assert np.bincount(labels[few]).tolist() == [5, 5, 3]
    assert np.bincount(labels[more]).tolist() == [20, 20, 3]
    assert set(few) <= set(more)


class Constant(FittedProbe):
    """Predicts class 0, and keeps what it was asked."""

    def __init__(self, asked: list) -> None:
        self.asked = asked

    def probabilities(self, embeddings):
        self.asked.append(embeddings)
        return np.eye(3)[np.zeros(len(embeddings), dtype=int)]

    def state(self):
        return {}


@pytest.fixture
def seen(monkeypatch):
    """Pairs of the embeddings that a probe was fitted on and those that it predicted, in the order of the fits."""
    pairs = []
    monkeypatch.setattr(PROBES, "_records", dict(PROBES._records))

    @PROBES.register("spy", "keeps what it is fitted on and what it predicts")
    class Spy(Probe):
        seeds = (0,)

        @classmethod
        def fit(cls, embeddings, labels, groups, n_classes, fits):
            fitted = []
            for rows, seed in fits:
                assert seed == 0
                asked = []
                pairs.append((embeddings[rows], labels[rows], groups[rows], asked))
                fitted.append(Constant(asked))
            return fitted

        @classmethod
        def restore(cls, state):
            raise NotImplementedError

    return pairs


def test_no_group_is_in_a_training_part_and_its_test_part(seen):
    _, labels, groups = cells()
    embeddings = np.arange(300.0)[:, None]  # an embedding names its row
    few_label_scores(embeddings, labels, groups, 3, "spy", n_labels=(5, 20), n_draws=2)
    assert len(seen) == 2 * 2 * 5
    for number, (trained, trained_labels, trained_groups, asked) in enumerate(seen):
        rows, tested = trained[:, 0].astype(int), asked[0][:, 0].astype(int)
        assert (labels[rows] == trained_labels).all()
        assert (groups[rows] == trained_groups).all()
        assert not set(groups[rows]) & set(groups[tested])
        assert np.bincount(trained_labels).tolist() == [5, 5, 5] if number < 10 else [20, 20, 20]


def test_each_draw_tests_every_patch_once_on_the_folds_of_the_probe(seen):
    _, labels, groups = cells()
    few_label_scores(np.arange(300.0)[:, None], labels, groups, 3, "spy", n_labels=(5,), n_draws=2)
    folds = [test.tolist() for _, test in probe_folds(labels, groups, n_folds=5, seed=0)]
    tested = [asked[0][:, 0].astype(int).tolist() for *_, asked in seen]
    assert tested == folds + folds


def test_draws_differ_and_are_the_same_for_every_representation(seen):
    _, labels, groups = cells()
    rows = np.arange(300.0)[:, None]
    few_label_scores(rows, labels, groups, 3, "spy", n_labels=(5,), n_draws=3)
    few_label_scores(np.hstack([rows, rows**2]), labels, groups, 3, "spy", n_labels=(5,), n_draws=3)
    drawn = [tuple(trained[:, 0].astype(int)) for trained, *_ in seen]
    assert drawn[:15] == drawn[15:]
    assert len(set(drawn[:15])) == 15


def test_the_score_is_macro_f1_over_all_folds_and_the_interval_is_students(seen):
    embeddings, labels, groups = cells()
    found = few_label_scores(embeddings, labels, groups, 3, "spy", n_labels=(5,), n_draws=3)[5]
    assert found.f1_macro == pytest.approx(macro_f1(labels, np.zeros_like(labels), 3))
    assert found.low == found.high == pytest.approx(found.f1_macro)  # the probe is the same in all draws
    real = few_label_scores(embeddings, labels, groups, 3, "kernel_ridge", n_labels=(5,), n_draws=4)[5]
    assert real.draws.shape == (4,)
    assert real.f1_macro == pytest.approx(real.draws.mean())
    low, high = t.interval(0.95, 3, real.draws.mean(), real.draws.std(ddof=1) / 2)
    assert (real.low, real.high) == pytest.approx((low, high))


def test_short_classes_are_named():
    embeddings, labels, groups = cells()
    labels[np.flatnonzero(labels == 2)[12:]] = 0  # 12 in all, so at most 12 in a training part
    found = few_label_scores(embeddings, labels, groups, 4, "kernel_ridge", n_draws=1)
    assert found[5].short == (3,)  # no patch at all
    assert found[20].short == (2, 3)
    assert np.isnan([found[5].low, found[5].high]).all()


@pytest.mark.parametrize("probe", PROBES.names())
def test_more_labels_help_and_the_same_call_gives_the_same_scores(probe):
    embeddings, labels, groups = cells()
    first = few_label_scores(embeddings, labels, groups, 3, probe, n_draws=2)
    again = few_label_scores(embeddings, labels, groups, 3, probe, n_labels=(5,), n_draws=2)
    assert first[20].f1_macro > first[5].f1_macro > 0.4
    assert first[5].draws.tolist() == again[5].draws.tolist()


def test_permuted_labels_give_chance():
    embeddings, labels, groups = cells(n=600)
    shuffled = np.random.default_rng(1).permutation(labels)
    found = few_label_scores(embeddings, shuffled, groups, 3, "kernel_ridge", n_draws=5)
    assert all(abs(score.f1_macro - 1 / 3) < 0.05 for score in found.values())


def test_too_few_groups_and_an_unknown_probe_are_errors():
    embeddings, labels, groups = cells()
    with pytest.raises(DataError, match="come from 3 groups, fewer than the 5 folds"):
        few_label_scores(embeddings, labels, groups % 3, 3, "kernel_ridge")
    with pytest.raises(NotFoundError, match="kernel_ridge"):
        few_label_scores(embeddings, labels, groups, 3, "kernel_rigde")
