"""The supervised ceiling: what it is trained on, what it predicts, and what a killed search does not repeat."""

import numpy as np
import pytest

from bench.pipeline import supervised
from bench.pipeline.final_scores import FinalScoringJob, score_finals
from bench.pipeline.summarise import with_shares
from bench.pipeline.supervised import supervised_ceiling
from bench.record.request import Request
from bench.record.summary import Row
from cellbench.dataset_identity import DatasetIdentity
from cellbench.errors import TrainingError
from cellbench.patches import probe_folds
from cellbench.probes.f1 import macro_f1
from cellbench.training import supervised as training
from cellbench.training.configuration import TrainingSettings

SETTINGS = TrainingSettings(encoder="test_resnet", network_size=16, batch_size=16, epochs=8, views=2, threads=1)


@pytest.fixture
def trainings(monkeypatch):
    """The rows and labels of every training, which is made as always."""
    seen = []
    real = training.train_supervised

    def watched(settings, patches, rows, labels, *others):
        seen.append((rows, labels))
        return real(settings, patches, rows, labels, *others)

    monkeypatch.setattr(training, "train_supervised", watched)
    return seen


def test_no_training_sees_its_fold_or_the_holdout_and_none_is_repeated(discs, tmp_path, trainings):
    rows, few = discs.rows("labelled"), SETTINGS.model_copy(update={"epochs": 1})
    folds = probe_folds(discs.labels(rows), discs.groups(rows))
    one = supervised_ceiling(discs, few, "fold", 5, tmp_path)
    assert one.name == "supervised (one fold)"
    np.testing.assert_array_equal(one.among, folds[0][1])
    assert one.holdout is None
    assert len(trainings) == 1
    every = supervised_ceiling(discs, few, "all", 5, tmp_path)
    assert every.name == "supervised"
    np.testing.assert_array_equal(every.among, np.arange(len(rows)))
    np.testing.assert_array_equal(every.predictions[one.among], one.predictions[one.among])
    assert len(trainings) == 6, "the first fold is read from the cache"
    for (seen, labels), expected in zip(trainings, [*(rows[train] for train, _ in folds), rows], strict=True):
        np.testing.assert_array_equal(seen, expected)
        np.testing.assert_array_equal(labels, discs.labels(seen))
        assert not set(seen) & set(discs.rows("holdout"))
    again = supervised_ceiling(discs, few, "all", 5, tmp_path)
    assert len(trainings) == 6
    np.testing.assert_array_equal(again.holdout, every.holdout)
    supervised_ceiling(discs, few.model_copy(update={"augment": "none"}), "fold", 5, tmp_path)
    assert len(trainings) == 7, "other settings are other trainings"
    without = supervised_ceiling(discs, few, "all", 6, tmp_path, with_holdout=False)
    assert without.holdout is None
    assert len(trainings) == 7 + 5, "no training for the holdout"
    assert without.seconds > 0


def test_a_training_that_was_killed_leaves_those_before_it(discs, tmp_path, monkeypatch, trainings):
    few, watched = SETTINGS.model_copy(update={"epochs": 1}), training.train_supervised

    def killed(*args):
        if len(trainings) == 2:
            raise KeyboardInterrupt
        return watched(*args)

    monkeypatch.setattr(training, "train_supervised", killed)
    with pytest.raises(KeyboardInterrupt):
        supervised_ceiling(discs, few, "all", 5, tmp_path)
    monkeypatch.setattr(training, "train_supervised", watched)
    found = supervised_ceiling(discs, few, "all", 5, tmp_path)
    assert len(trainings) == 6
    whole = supervised_ceiling(discs, few, "all", 5, tmp_path / "other")
    np.testing.assert_array_equal(found.predictions, whole.predictions)


def test_it_learns_from_labels_and_only_from_them(discs, tmp_path, monkeypatch):
    rows = discs.rows("labelled")
    found = supervised_ceiling(discs, SETTINGS, "fold", 5, tmp_path / "true")
    truth = discs.labels(rows)[found.among]
    assert macro_f1(truth, found.predictions[found.among], 3) > 0.8
    real = training.train_supervised

    def constant(settings, patches, rows, labels, *others):
        return real(settings, patches, rows, np.ones_like(labels), *others)

    monkeypatch.setattr(training, "train_supervised", constant)
    found = supervised_ceiling(discs, SETTINGS, "fold", 5, tmp_path / "constant")
    assert set(found.predictions[found.among]) == {1}


def test_a_training_that_diverges_says_what_to_do(discs, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "LEARNING_RATE", 1e38)
    with pytest.raises(TrainingError, match="--supervised none leaves this ceiling out"):
        supervised_ceiling(discs, SETTINGS, "fold", 5, tmp_path)


@pytest.mark.parametrize("extent", ["fold", "all"])
def test_the_final_scores_have_the_ceiling_with_its_lead(discs, tmp_path, extent):
    few = SETTINGS.model_copy(update={"epochs": 1})
    identity = DatasetIdentity(discs.path, discs.card.fingerprint, discs.card.cell_radius_px)
    found, _ = score_finals(FinalScoringJob(identity, tmp_path, few, (5,), {}, None, None, extent))
    ceiling, rows = found[-1], discs.rows("labelled")
    assert (ceiling.kind, ceiling.name) == ("ceiling", supervised.NAMES[extent])
    own = supervised_ceiling(discs, few, extent, 5, tmp_path)
    assert ceiling.f1_macro == macro_f1(discs.labels(rows)[own.among], own.predictions[own.among], 3)
    assert ceiling.lead is not None
    assert (ceiling.holdout is None) == (extent == "fold")
    if ceiling.holdout is not None:
        assert ceiling.holdout.f1_macro == macro_f1(discs.labels(discs.rows("holdout")), own.holdout, 3)
        best = max(score.f1_macro for score in found if score.kind == "floor")
        assert ceiling.lead.f1 == pytest.approx(ceiling.f1_macro - best, abs=1e-6)


def test_the_ceiling_of_one_fold_has_the_whole_way_and_shares_are_of_its_lead_on_that_fold():
    rows = [
        Row(kind="method", name="vae", f1_macro=0.55, f1_std=None),
        Row(kind="floor", name="pca", f1_macro=0.5, f1_std=0.0),
        Row(kind="ceiling", name="supervised (one fold)", f1_macro=0.9, f1_std=None, lead=0.2, lead_low=0.1,
            lead_high=0.3),
    ]  # fmt: skip
    assert [row.share for row in with_shares(rows)] == pytest.approx([0.25, 0.0, 1.0])


def test_requests_of_before_have_no_supervised_ceiling(make_request):
    before = make_request("vae").model_dump(mode="json")
    before.pop("supervised", None)
    assert Request.model_validate(before).supervised == "none"
