"""What every score must do, as pytest tests."""

import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch

from cellbench.geometry import disc
from cellbench.patches.patchset import PatchSet
from cellbench.patches.write import write_patch_set
from cellbench.scores.base import SCORES, Moment, Score, ScoreContext
from cellbench.scores.metrics import find_metric
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.trainer import build
from cellbench.trials.run import training_rows

N_PATCHES, SIZE, N_GROUPS = 240, 24, 12
MOMENTS: tuple[Moment, ...] = ("epoch", "rung", "end")
VAE, *OTHER_CONFIGURATIONS = (
    Configuration(method=method, params=params, latent_dim=6)
    for method, params in (
        ("vae", {}),
        ("rae", {}),
        ("mask_fixed", {"r_max": 8.0}),
        ("crop_small", {"offset_sigma": 0.0}),
    )
)


def example_patch_set(folder: Path, with_radius: bool = True) -> PatchSet:
    """Return a data set of 240 drawn patches of 24 px: discs of two classes in 12 groups.

    Args:
        folder: Folder to write it to.
        with_radius: Whether the radius of the discs is known.
    """
    generator = np.random.default_rng(0)
    labels = np.arange(N_PATCHES) % 2
    radius = np.where(labels == 0, 4.0, 7.0) + generator.normal(0, 0.3, N_PATCHES)
    inside = np.stack([disc(SIZE, each) for each in radius])[..., None] > 0
    colours = generator.integers(0, 255, (2, N_PATCHES, 1, 1, 3))
    noise = generator.normal(0, 6, (N_PATCHES, SIZE, SIZE, 3))
    patches = (np.where(inside, colours[0], colours[1]) + noise).clip(0, 255).astype(np.uint8)
    index = pd.DataFrame(
        {
            "label": np.where(labels == 0, "small", "large"),
            "group": [f"slide{number // 2 % N_GROUPS}" for number in range(N_PATCHES)],
        }
    )
    if with_radius:
        index["radius_px"] = radius
    return write_patch_set(folder, patches=patches, index=index, name="drawn", seed=0)


def example_context(
    patch_set: PatchSet, cache: Path, moment: Moment, fold: int | None = 0, configuration: Configuration = VAE
) -> ScoreContext:
    """Return the context of an untrained small network on a data set.

    Args:
        patch_set: The data set.
        cache: Folder of resized copies.
        moment: When the score is computed.
        fold: Fifth of the pool that is unseen; None for no unseen patches.
        configuration: Method and hyperparameters.
    """
    settings = TrainingSettings(encoder="test_resnet", network_size=16, views=2)
    model, suppression = build(configuration, settings, patch_set.card.native_size, seed=0)
    source = patch_set.resized(suppression.source_size, cache)
    unseen = training_rows(patch_set, fold)[1]
    return ScoreContext(moment, model, suppression, patch_set, source, unseen, settings.views, torch.device("cpu"))


class ScoreConformance:
    """Tests that every score passes. They score an untrained network on drawn patches.

    A subclass sets `score_name`, or overrides the fixture `name` to test several scores.
    """

    score_name: ClassVar[str]
    """Name of the score in `SCORES`."""

    @pytest.fixture
    def name(self) -> str:
        """Name of the score in `SCORES`."""
        return self.score_name

    @pytest.fixture
    def score(self, name: str) -> Score:
        """A score, as each trial has one of its own."""
        return SCORES.get(name)()

    @pytest.fixture
    def drawn(self, tmp_path_factory: pytest.TempPathFactory) -> PatchSet:
        """The data set of drawn patches, in a folder of its own."""
        return example_patch_set(tmp_path_factory.mktemp("scores") / "drawn")

    def test_the_record_describes_the_score(self, name: str) -> None:
        """The registry has a description for listings."""
        record = next(one for one in SCORES.items() if one.name == name)
        assert len(record.description) > 10

    def test_its_metrics_are_in_the_table(self, score: Score) -> None:
        """Each metric has a title and is found by its name; the score is computed at one moment at least."""
        assert score.moments
        assert set(score.moments) <= set(MOMENTS)
        assert score.metrics
        for metric in score.metrics:
            assert find_metric(metric.name.replace("<", "").replace(">", "")) == metric
            assert metric.title
            assert not metric.listed or metric.column, "a listed metric has a heading"
            assert not metric.takes_column_of or find_metric(metric.takes_column_of).listed

    def test_it_returns_finite_values_of_its_own_metrics(self, score: Score, drawn: PatchSet) -> None:
        """On 240 patches, each metric has a value at one of the moments, and no other metric is returned."""
        seen = set()
        for moment in score.moments:
            found = score.compute(example_context(drawn, drawn.path / "cache", moment))
            for name, value in found.items():
                metric = find_metric(name)
                assert metric in score.metrics
                assert isinstance(value, float)
                assert math.isfinite(value)
                assert metric.when != "rung" or moment != "epoch", "a metric of rungs is computed at rungs"
                seen.add(metric)
        assert seen == set(score.metrics)

    def test_it_depends_on_its_context_alone(self, score: Score, drawn: PatchSet) -> None:
        """The same context gives the same values; global generators and the model stay as they were."""
        for moment in score.moments:
            context = example_context(drawn, drawn.path / "cache", moment)
            context.model.train()
            weights = {name: value.clone() for name, value in context.model.state_dict().items()}
            torch_state, numpy_state = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
            first = score.compute(context)
            assert torch.equal(torch_state, torch.get_rng_state())
            assert numpy_state == str(np.random.get_state())  # noqa: NPY002
            assert context.model.training
            assert all(torch.equal(value, weights[name]) for name, value in context.model.state_dict().items())
            torch.manual_seed(7)
            again = type(score)().compute(example_context(drawn, drawn.path / "cache", moment))
            assert first == again

    @pytest.mark.parametrize("configuration", OTHER_CONFIGURATIONS, ids=lambda each: each.method)
    def test_it_accepts_every_kind_of_suppression(
        self, score: Score, drawn: PatchSet, configuration: Configuration
    ) -> None:
        """A plain auto-encoder, a mask and a crop can be scored."""
        context = example_context(drawn, drawn.path / "cache", score.moments[-1], configuration=configuration)
        assert set(map(find_metric, score.compute(context))) <= set(score.metrics)

    def test_without_unseen_patches_or_radii_it_leaves_metrics_out(
        self, score: Score, drawn: PatchSet, tmp_path: Path
    ) -> None:
        """A trial on the whole pool has no unseen patches, and a data set may lack radii: neither is an error."""
        unknown = example_patch_set(tmp_path / "unknown", with_radius=False)
        for moment in score.moments:
            score.compute(example_context(drawn, drawn.path / "cache", moment, fold=None))
            score.compute(example_context(unknown, tmp_path / "cache", moment))

    def test_it_draws_only_into_the_folder_of_the_trial(self, score: Score, drawn: PatchSet, tmp_path: Path) -> None:
        """Figures go to the folder that `draw` receives."""
        context = example_context(drawn, drawn.path / "cache", score.moments[-1])
        score.compute(context)
        (tmp_path / "trial").mkdir()
        score.draw(context, tmp_path / "trial")
        assert [path.name for path in tmp_path.iterdir()] == ["trial"]
