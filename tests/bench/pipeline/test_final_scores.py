"""The final scores of a search."""

import numpy as np
import pytest

from bench.pipeline.final_scores import SUPERVISED, FinalScoringJob, _holdout, cached_parts, compute_part, score_finals
from bench.pipeline.first_floors import first_names
from cellbench.dataset_identity import DatasetIdentity
from cellbench.probes import PROBES
from cellbench.probes.confusion import f1_of_counts
from cellbench.training.configuration import Configuration, TrainingSettings


@pytest.mark.parametrize("probe", PROBES.names())
def test_the_probe_of_the_holdout_has_learned_the_labelled_patches_only(discs, probe):
    labelled, holdout = discs.rows("labelled"), discs.rows("holdout")
    classes = np.eye(3, dtype=np.float32)
    known = classes[discs.labels(labelled)] * 4
    seen = _holdout(discs, [known], [classes[discs.labels(holdout)] * 4], probe)
    # In the holdout each class looks like the next one: a probe that has seen the holdout would find it.
    turned = _holdout(discs, [known], [classes[(discs.labels(holdout) + 1) % 3] * 4], probe)
    assert seen.f1_macro == 1
    assert turned.f1_macro == 0


@pytest.mark.parametrize("masked", [None, Configuration(method="mask_fixed", params={"r_max": 14.0})])
def test_every_floor_is_scored_on_both_roles_or_says_why_not(discs, tmp_path, masked):
    settings = TrainingSettings(probe="kernel_ridge", encoder="test_resnet", network_size=16, views=2, threads=1)
    identity = DatasetIdentity(discs.path, discs.card.fingerprint, discs.card.cell_radius_px)
    found, missing = score_finals(FinalScoringJob(identity, tmp_path, settings, (5, 6), {}, masked, None))
    names = ["patch_dictionary", "pca", "pca_masked", "random", "ring_profile"]
    if masked is None:
        assert ["The floor pca_masked needs a mask or a crop" in reason for reason in missing] == [True]
        names.remove("pca_masked")
    else:
        assert missing == []
    assert [score.name for score in found] == names
    assert {score.kind for score in found} == {"floor"}
    assert {score.name: score.n_seeds for score in found if score.n_seeds > 1} == {"random": 2}
    for score in found:
        tables = score.confusions.counts
        assert np.mean([f1_of_counts(table).mean() for table in tables]) == pytest.approx(score.f1_macro)
        assert len(tables) == score.n_seeds, "the probe has one seed"
    assert all(0 <= score.f1_macro <= 1 and score.holdout.n_patches == len(discs.rows("holdout")) for score in found)


def test_parts_that_were_computed_at_once_are_read_and_give_the_same_scores(discs, tmp_path, monkeypatch):
    settings = TrainingSettings(
        probe="kernel_ridge", encoder="test_resnet", network_size=16, views=2, threads=1, epochs=1
    )
    identity = DatasetIdentity(discs.path, discs.card.fingerprint, discs.card.cell_radius_px)
    masked = Configuration(method="mask_fixed", params={"r_max": 14.0})
    jobs = [FinalScoringJob(identity, tmp_path / n, settings, (5,), {}, masked, None, "fold") for n in ("a", "b")]
    parts = cached_parts(jobs[0])
    assert sorted(parts) == ["patch_dictionary", "pca", "pca_masked", "random", "ring_profile", SUPERVISED]
    assert parts[:3] == [SUPERVISED, "random", "patch_dictionary"], "the longest begin first"
    for part in parts:
        compute_part(jobs[0], part)

    def computed(*_: object) -> None:
        raise AssertionError("it was not in the cache")

    alone = score_finals(jobs[1])
    assert f1_of_counts(alone[0][-1].confusions.counts[0]).mean() == pytest.approx(alone[0][-1].f1_macro)
    monkeypatch.setattr("cellbench.floors.array_cache._write", computed)
    assert score_finals(jobs[0]) == alone


def test_the_ceiling_has_its_lead_over_the_strongest_floor(discs, tmp_path):
    labelled = discs.rows("labelled")
    perfect = np.eye(3, dtype=np.float32)[discs.labels(labelled)] * 4
    np.savez(tmp_path / "embeddings.npz", labelled=perfect, holdout=perfect[: len(discs.rows("holdout"))])
    settings = TrainingSettings(probe="kernel_ridge", encoder="test_resnet", network_size=16, views=2, threads=1)
    identity = DatasetIdentity(discs.path, discs.card.fingerprint, discs.card.cell_radius_px)
    job = FinalScoringJob(identity, tmp_path / "cache", settings, (5,), {"oracle": ((tmp_path, 1.0),)}, None, None)
    found, _ = score_finals(job)
    best = max(score.f1_macro for score in found if score.kind == "floor")
    ceiling = found[-1]
    assert (ceiling.kind, ceiling.name) == ("ceiling", "oracle")
    assert ceiling.lead.f1 == pytest.approx(1 - best, abs=1e-6)
    assert all(score.lead is None for score in found[:-1])


def test_the_first_floors_are_those_that_take_seconds_without_a_mask():
    assert first_names() == ["ring_profile", "pca"]
