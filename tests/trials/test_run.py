"""One trial from job to files: scores, rungs, checkpoints, and finished trials that are not repeated."""

import json

import numpy as np
import pytest
import torch

from cellbench.errors import TrainingError
from cellbench.patches.contour_mask import contour_masked
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.trials.job import TrialJob
from cellbench.trials.run import TrialRun, thinned

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(
    probe="kernel_ridge", epochs=3, batch_size=16, network_size=20, encoder="test_resnet", threads=1
)


def job(discs, directory, **changes) -> TrialJob:
    fields = {
        "dataset": discs.path,
        "fingerprint": discs.card.fingerprint,
        "cache": directory / "cache",
        "directory": directory / "trial",
        "configuration": Configuration(method="mask_fixed", params={"r_max": 14.0}, latent_dim=8),
        "settings": SETTINGS,
        "rungs": (1,),
    }
    return TrialJob(**{**fields, **changes})


def run(work: TrialJob) -> tuple[TrialRun, list[dict[str, float]]]:
    trial = TrialRun(work, CPU)
    steps = []
    while not trial.done:
        steps.append(trial.step())
    trial.finish(steps[-1])
    return trial, steps


@pytest.fixture(scope="module")
def finished(discs, tmp_path_factory):
    work = job(discs, tmp_path_factory.mktemp("trial"), keep_encoder=True)
    return work, *run(work)


def test_every_report_holds_the_rung_and_no_nan(finished):
    _, _, steps = finished
    assert [step["epoch"] for step in steps] == [1, 2, 3]
    assert all(np.isfinite(list(step.values())).all() for step in steps)
    assert steps[0]["rung/f1_macro"] == steps[1]["rung/f1_macro"] > 0
    assert steps[2]["rung/f1_macro"] == steps[2]["probe/f1_macro"]


def test_metrics_have_their_names(finished):
    _, _, steps = finished
    each_epoch = {"train/loss", "train/reconstruction", "train/kl", "val/ssim", "val/ssim_cell", "val/l1",
                  "val/l1_cell", "latent/effective_rank", "latent/active_units", "radius/r_max",
                  "speed/patches_per_s", "rung/f1_macro"}  # fmt: skip
    at_the_end = {"probe/f1_macro", "probe/f1_std", "probe/accuracy", "probe/knn_f1_macro", "probe/linear_f1_macro",
                  "probe/f1/large", "probe/f1/red", "probe/f1/small", "val/l1_core",
                  "val/l1_core_native", "latent/leakage",
                  "cost/seconds", "cost/patches"}  # fmt: skip
    assert each_epoch <= set(steps[0])
    assert each_epoch | at_the_end <= set(steps[2])
    assert not any(name.startswith("probe/") for name in steps[0])
    assert steps[2]["radius/r_max"] == pytest.approx(14)


def test_a_finished_trial_leaves_its_files_and_is_known_as_finished(finished, discs):
    work, _, steps = finished
    assert {path.name for path in work.directory.iterdir()} == {
        "configuration.yaml", "confusion.json", "confusion.png", "embeddings.npz", "encoder.safetensors", "model.json",
        "reconstructions.png", "result.json",
    }  # fmt: skip
    assert TrialRun.finished(work) == steps[-1]
    assert TrialRun.finished(work.model_copy(update={"seed": 1})) is None
    with np.load(work.directory / "embeddings.npz") as stored:
        assert (stored["labelled_rows"] == discs.rows("labelled")).all()
        assert stored["labelled"].shape == (len(discs.rows("labelled")), 8)
        assert "holdout" not in stored  # a search does not look at it


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-30], *(lambda _, b=b: b for b in (b"", b"null", b"[]", b"\xff"))]
)
def test_a_damaged_result_does_not_count(finished, tmp_path, damage):
    work, _, _ = finished
    other = work.model_copy(update={"directory": tmp_path})
    whole = (work.directory / "result.json").read_bytes()
    (tmp_path / "result.json").write_bytes(whole)
    assert TrialRun.finished(other) is not None
    (tmp_path / "result.json").write_bytes(damage(whole))
    assert TrialRun.finished(other) is None
    (tmp_path / "result.json").write_bytes(whole.replace(b'"metrics": {', b'"others": {'))
    assert TrialRun.finished(other) is None


def test_a_result_of_before_a_setting_existed_counts(finished, tmp_path):
    work, _, _ = finished
    found = json.loads((work.directory / "result.json").read_text())
    settings = found["job"]["settings"]
    del settings["augment"], settings["representation"]
    settings["quarter_turns"] = True
    (tmp_path / "result.json").write_text(json.dumps(found))
    other = work.model_copy(update={"directory": tmp_path})
    assert TrialRun.finished(other) == found["metrics"]
    settings["quarter_turns"] = False
    (tmp_path / "result.json").write_text(json.dumps(found))
    assert TrialRun.finished(other) is None, "it was trained with flips alone"


def test_the_folds_of_the_pool_share_no_group_and_no_patch_of_the_holdout(discs, tmp_path):
    trial = TrialRun(job(discs, tmp_path), CPU)
    holdout = set(discs.groups(discs.rows("holdout")))
    train, unseen = set(discs.groups(trial._train)), set(discs.groups(trial._unseen))
    assert train
    assert unseen
    assert not train & unseen
    assert not (train | unseen) & holdout


def test_a_resumed_trial_ends_with_the_same_numbers(finished, discs, tmp_path):
    _, _, steps = finished
    first = TrialRun(job(discs, tmp_path), CPU)
    first.step()
    first.step()
    (tmp_path / "checkpoint").mkdir()
    first.save(tmp_path / "checkpoint")
    second = TrialRun(job(discs, tmp_path), CPU)
    second.restore(tmp_path / "checkpoint")
    last = second.step()
    timed = {"cost/seconds", "speed/patches_per_s"}
    assert {k: v for k, v in last.items() if k not in timed} == {k: v for k, v in steps[-1].items() if k not in timed}


def test_a_checkpoint_of_another_trial_is_refused(discs, tmp_path):
    trial = TrialRun(job(discs, tmp_path), CPU)
    trial.save(tmp_path)
    with pytest.raises(TrainingError, match="another trial"):
        TrialRun(job(discs, tmp_path, seed=5), CPU).restore(tmp_path)


def test_a_final_trial_sees_the_whole_pool_and_embeds_the_holdout(discs, tmp_path):
    trial, steps = run(job(discs, tmp_path, stage="final", fold=None, rungs=()))
    assert trial.trainer.n_patches == len(discs.rows("pool"))
    assert "val/l1" not in steps[-1]  # there is no unseen patch to score
    with np.load(tmp_path / "trial" / "embeddings.npz") as stored:
        assert (stored["holdout_rows"] == discs.rows("holdout")).all()


def test_the_oracle_sees_only_what_lies_inside_the_contour(discs, tmp_path):
    masked = contour_masked(discs, 40, tmp_path)
    outside = np.asarray(discs.masks) == 0
    assert (masked[outside] == 128).all()
    assert (masked[~outside] == np.asarray(discs.patches)[~outside]).all()
    _, steps = run(job(discs, tmp_path, stage="oracle", fold=None, rungs=()))
    assert steps[-1]["probe/f1_macro"] > 0


def test_labels_reach_neither_training_nor_folds(discs, tmp_path):
    """The same patches with permuted labels give the very same encoder."""
    first, second = TrialRun(job(discs, tmp_path), CPU), TrialRun(job(discs, tmp_path), CPU)
    second.patch_set.__dict__["_class_codes"] = np.roll(discs.labels(), 7)
    for trial in (first, second):
        trial.trainer.run_epoch()
    assert torch.equal(first.trainer.model.head.weight, second.trainer.model.head.weight)


def test_a_job_survives_json():
    work = TrialJob(
        dataset="a", fingerprint="b", cache="c", directory="d", settings=SETTINGS,
        configuration=Configuration(method="mask_fixed", params={"r_max": 70.5, "normalize": True, "shape": "sqrt"}),
    )  # fmt: skip
    again = TrialJob.model_validate(json.loads(work.model_dump_json()))
    assert again == work
    assert again.key == work.key
    assert again.configuration.id == work.configuration.id


def test_a_share_of_the_patches_is_the_same_draw_each_time():
    rows = np.arange(10, 30)
    assert thinned(rows, 1.0) is rows
    half = thinned(rows, 0.5)
    assert len(half) == 10
    assert list(half) == sorted(set(half) & set(rows))
    assert np.array_equal(half, thinned(rows, 0.5))
    assert len(thinned(rows, 0.001)) == 1
