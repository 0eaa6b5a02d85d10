"""The table of metrics: names, families, and what an unknown name does."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cellbench.errors import NotFoundError, SettingError
from cellbench.scores import base
from cellbench.scores.base import SCORES, Metric, Score
from cellbench.scores.metrics import all_metrics, check_known, find_metric, metrics_in
from cellbench.trials.run import TrialRun


def test_every_name_is_unique_and_has_a_title():
    names = [metric.name for metric in all_metrics()]
    assert len(names) == len(set(names))
    assert all(metric.title for metric in all_metrics())


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("probe/f1_macro", "probe/f1_macro"),
        ("probe/f1/band (old)", "probe/f1/<class>"),
        ("probe/f1/a/b", "probe/f1/<class>"),
        ("holdout/f1_low", "holdout/f1_low"),
        ("holdout/f1/large", "holdout/f1/<class>"),
        ("response/r_max_best", "response/<radius>_best"),
        ("response/noise", "response/noise"),
    ],
)
def test_a_name_is_found_alone_or_in_its_family(name, of):
    assert find_metric(name).name == of


@pytest.mark.parametrize("name", ["probe/f1_marco", "probe/f1/", "probe/f1", "val/l2", "epoch", ""])
def test_an_unknown_name_raises(name):
    with pytest.raises(NotFoundError, match=f"There is no metric '{name}'"):
        find_metric(name)


def test_the_message_for_an_unknown_name_has_the_nearest_names():
    with pytest.raises(NotFoundError, match="did you mean 'probe/f1_macro'"):
        check_known(["train/loss", "probe/f1_marco"])


def test_a_report_is_reduced_to_its_metrics_and_no_metric_is_dropped():
    report = {"train/loss": 1, "training_iteration": 3, "config": {"a/b": 1}, "outcome": "completed"}
    assert metrics_in(report) == {"train/loss": 1.0}
    with pytest.raises(NotFoundError, match="There is no metric 'train/lose'"):
        metrics_in(report | {"train/lose": 1.0})


@pytest.mark.parametrize("name", ["loss", "/loss", "train/"])
def test_a_metric_has_a_group(name):
    with pytest.raises(SettingError, match="named GROUP/NAME"):
        Metric(name, "epoch", "min", "", "a loss")


@pytest.fixture
def registry(monkeypatch):
    """The registry of scores; a test's registrations are removed after it."""
    base.all_scores()
    monkeypatch.setattr(SCORES, "_records", dict(SCORES._records))
    yield SCORES
    find_metric.cache_clear()


def contrast(*metrics):
    class Contrast(Score):
        """Contrast of reconstructions."""

        moments = ("end",)

        def compute(self, context):
            return {"val/contrast": float(len(context.unseen(5))), "val/undefined": float("nan")}

    Contrast.metrics = metrics
    return Contrast


def one_epoch(discs, folder):
    from cellbench.training.configuration import Configuration, TrainingSettings
    from cellbench.trials.job import TrialJob

    job = TrialJob(
        dataset=discs.path, fingerprint=discs.card.fingerprint, cache=folder / "cache", directory=folder / "trial",
        configuration=Configuration(method="rae", latent_dim=4),
        settings=TrainingSettings(epochs=1, network_size=16, encoder="test_resnet", threads=1, views=1),
    )  # fmt: skip
    return TrialRun(job, torch.device("cpu")).step()


def test_a_trial_runs_a_score_that_was_registered_and_leaves_undefined_values_out(registry, discs, tmp_path):
    declared = tuple(Metric(f"val/{name}", "end", "max", "", name) for name in ("contrast", "undefined"))
    registry.register("contrast", "contrast of reconstructions")(contrast(*declared))
    found = one_epoch(discs, tmp_path)
    assert found["val/contrast"] == 5
    assert "val/undefined" not in found
    assert all(np.isfinite(value) for value in found.values())


def test_a_trial_whose_score_returns_a_metric_that_the_table_lacks_raises(registry, discs, tmp_path):
    registry.register("contrast", "contrast of reconstructions")(contrast(Metric("val/other", "end", "max", "", "s")))
    with pytest.raises(NotFoundError, match=r"There is no metric 'val/(contrast|undefined)'"):
        one_epoch(discs, tmp_path)


def test_another_package_adds_a_score_by_an_entry_point(tmp_path):
    (tmp_path / "contrasts.py").write_text(
        "from cellbench.scores.base import Score\n"
        "from cellbench.scores.base import Metric\n"
        "class Contrast(Score):\n"
        "    moments = ('end',)\n"
        "    metrics = (Metric('val/contrast', 'end', 'max', '', 'contrast'),)\n"
        "    def compute(self, context):\n"
        "        return {}\n"
    )
    (tmp_path / "contrasts-1.0.dist-info").mkdir()
    (tmp_path / "contrasts-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: contrasts\nVersion: 1.0\n"
    )
    (tmp_path / "contrasts-1.0.dist-info" / "entry_points.txt").write_text(
        "[cellbench.scores]\ncontrast = contrasts:Contrast\n"
    )
    code = (
        "from cellbench.scores.base import all_scores; from cellbench.scores.metrics import find_metric; "
        "print('Contrast' in {score.__name__ for score in all_scores()}, find_metric('val/contrast').title)"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environment = os.environ | {"PYTHONPATH": path}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.split() == ["True", "contrast"]


def test_two_scores_cannot_declare_the_same_metric(registry):
    registry.register("loss", "the training loss once more")(contrast(Metric("train/loss", "end", "min", "", "loss")))
    with pytest.raises(SettingError, match="'train/loss' is declared twice"):
        all_metrics()
