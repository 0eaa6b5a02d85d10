"""What a metric and a score are, what a score is computed from, and the registry of all scores.

A new score is one file in this package. Its class is registered by name, declares its metrics and computes them:

    @SCORES.register("sharpness", "how sharp reconstructions are")
    class Sharpness(Score):
        moments = ("end",)
        metrics = (Metric("val/sharpness", "end", "max", "0–1", "sharpness of reconstructions"),)

        def compute(self, context: ScoreContext) -> dict[str, float]:
            rows = context.unseen(64)
            return {"val/sharpness": ...} if len(rows) else {}

Another package adds a score by an entry point of the group `cellbench.scores` that names such a class.

The programs that list results import every score to know its metrics. The modules of this package therefore import
torch, and what imports torch, only where they compute.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from cellbench.errors import SettingError
from cellbench.registry import Registry, import_modules
from cellbench.training.configuration import DEFAULT_PROBE

if TYPE_CHECKING:
    import torch

    from cellbench.models import AutoEncoder
    from cellbench.patches.patchset import PatchSet
    from cellbench.suppression import Suppression

Moment = Literal["epoch", "rung", "end"]


@dataclass(frozen=True)
class Metric:
    """One number that a trial or a search records.

    Attributes:
        name: `GROUP/NAME`, as in MLflow. A part in angle brackets stands for any text: `probe/f1/<class>`.
        when: `epoch`: after each epoch. `rung`: at the epochs at which trials are compared. `end`: only for a trial
            with its full budget. `search`: once, for a whole search or a classifier.
        direction: Whether larger (`max`) or smaller (`min`) values are better; `none` where neither is.
        unit: Unit, or range such as `0–1`.
        title: What it is, for people.
        column: Heading in tables.
        listed: Whether tables of trials and of methods show it.
        takes_column_of: Name of a listed metric that this one replaces in the table of methods, where it is the final
            metric of an objective; empty for none.
        mean_over: Trials whose mean stands for a method in the summary of a search: `folds` (trainings on folds, for
            what needs unseen patches), `seeds` (trainings on the whole pool from fresh seeds), or None for neither.
        initial: Value that is reported before the first measurement; None reports nothing.

    Raises:
        SettingError: The name has no group.
    """

    name: str
    when: Literal["epoch", "rung", "end", "search"]
    direction: Literal["max", "min", "none"]
    unit: str
    title: str
    column: str = ""
    listed: bool = False
    takes_column_of: str = ""
    mean_over: Literal["folds", "seeds"] | None = None
    initial: float | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w+/.+", self.name):
            raise SettingError(f"A metric is named GROUP/NAME, for example probe/f1_macro, not '{self.name}'.")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"<\w+>", ".+", re.escape(self.name)))

    @property
    def is_family(self) -> bool:
        """Whether the name stands for several metrics, one for each class or parameter."""
        return "<" in self.name

    def matches(self, name: str) -> bool:
        """Return whether a name is this metric's, or one of this family's."""
        return self._pattern.fullmatch(name) is not None


@dataclass(frozen=True, eq=False)
class EncodedCells:
    """Cells of known size, and the encoder that embeds them.

    Attributes:
        model: The auto-encoder; an embedding is its posterior mean μ.
        suppression: Its suppression.
        source: All patches, uint8, shape (N, S, S, 3), where S is the source size of the suppression in px.
        rows: Rows of `source` to use, shape (n,), preferably not seen in training.
        groups: Group codes of these rows, shape (n,).
        radius_px: Radius of each of these cells in native px, shape (n,).
        native_size: Side in px of the data set's patches.
        device: Device that computes.
    """

    model: AutoEncoder
    suppression: Suppression
    source: np.ndarray
    rows: np.ndarray
    groups: np.ndarray
    radius_px: np.ndarray
    native_size: int
    device: torch.device

    @property
    def patches(self) -> np.ndarray:
        """The patches of these rows, uint8, shape (n, S, S, 3)."""
        return np.ascontiguousarray(self.source[self.rows])

    def embed(self, patches: np.ndarray, views: int = 1) -> np.ndarray:
        """Return embeddings, float32, shape (n, latent_dim), of uint8 patches of shape (n, S, S, 3).

        Args:
            patches: These cells' patches, or a changed copy of them.
            views: Symmetries of the square that an embedding is the mean of: 1, 2, 4 or 8.
        """
        from cellbench.training.embedding import embed

        return embed(self.model, self.suppression, patches, np.arange(len(patches)), self.device, views=views)


@dataclass(frozen=True, eq=False)
class ScoreContext:
    """What a score is computed from: a trained model and the patches of its trial.

    Attributes:
        moment: When it is computed: after an epoch, at a rung, or at the end of the trial.
        model: The auto-encoder.
        suppression: Its suppression.
        patch_set: The data set.
        source: Its patches at the suppression's source size S, uint8, shape (N, S, S, 3).
        unseen_rows: Rows that the trial was not trained on, in a drawn order that is the same for all trials; empty
            where the trial was trained on the whole pool.
        views: Symmetries of the square that an embedding is the mean of: 1, 2, 4 or 8.
        device: Device that computes.
        sample_seed: Seed of the samples of z that represent the labelled patches and the holdout; None for μ.
        probe: Name of the probe that classifies representations.
    """

    moment: Moment
    model: AutoEncoder
    suppression: Suppression
    patch_set: PatchSet
    source: np.ndarray
    unseen_rows: np.ndarray
    views: int
    device: torch.device
    sample_seed: int | None = None
    probe: str = DEFAULT_PROBE

    def unseen(self, n: int) -> np.ndarray:
        """Return at most n rows that the trial was not trained on, sorted."""
        return np.sort(self.unseen_rows[:n])

    def unseen_cells(self, n: int) -> EncodedCells | None:
        """Return at most n unseen cells; None where there is none, or where a radius is unknown."""
        rows = self.unseen(n)
        radius = self.patch_set.radius_px(rows)
        if len(rows) == 0 or not np.isfinite(radius).all():
            return None
        groups, native_size = self.patch_set.groups(rows), self.patch_set.card.native_size
        return EncodedCells(self.model, self.suppression, self.source, rows, groups, radius, native_size, self.device)

    def embed(self, rows: np.ndarray, views: int | None = None) -> np.ndarray:
        """Return the means μ of some rows, float32, shape (len(rows), latent_dim).

        Args:
            rows: Rows of `source`.
            views: Symmetries of the square that an embedding is the mean of; None for those of the context.
        """
        from cellbench.training.embedding import embed

        views = self.views if views is None else views
        return embed(self.model, self.suppression, self.source, rows, self.device, views=views)

    def represent(self, rows: np.ndarray) -> np.ndarray:
        """Return the representations of some rows, which a probe classifies: μ, or a sample of z.

        Args:
            rows: Rows of `source`.

        Returns:
            Float32, shape (len(rows), latent_dim).
        """
        from cellbench.training.embedding import embed, sample_generator

        seed = self.sample_seed
        generator = None if seed is None else sample_generator(seed, rows, self.device)
        return embed(self.model, self.suppression, self.source, rows, self.device, generator, self.views)

    @cached_property
    def labelled_rows(self) -> np.ndarray:
        """Rows of the labelled patches."""
        return self.patch_set.rows("labelled")

    @cached_property
    def labelled_embeddings(self) -> np.ndarray:
        """Representations of the labelled patches, float32, shape (n, latent_dim); computed once."""
        return self.represent(self.labelled_rows)


class Score(ABC):
    """One or several metrics of a trained encoder. Each trial has an instance of its own.

    Attributes:
        moments: When it is computed: after an `epoch` (but the last), at a `rung`, at the `end` of a trial.
        metrics: All metrics that `compute` may return.
        order: Scores are computed, and their metrics listed, by this number; equal numbers by name.
    """

    moments: ClassVar[tuple[Moment, ...]]
    metrics: ClassVar[tuple[Metric, ...]]
    order: ClassVar[int] = 100

    @abstractmethod
    def compute(self, context: ScoreContext) -> dict[str, float]:
        """Return values by the name of the metric.

        A value that is undefined is left out, or NaN. The result depends on the context alone: seeds are fixed, global
        generators are not drawn from, and the model is left as it was.
        """

    def draw(self, context: ScoreContext, directory: Path) -> None:  # noqa: B027 - most scores have no figure
        """Draw figures of the last `compute` into the folder of a finished trial; by default, none."""


SCORES: Registry[type[Score]] = Registry("score", "cellbench.scores")


def all_scores() -> Sequence[type[Score]]:
    """Return the scores of this package and of other packages, in the order in which they are computed."""
    _import_own_scores()
    return sorted((record.thing for record in SCORES.items()), key=lambda score: score.order)


@cache
def _import_own_scores() -> None:
    """Import every module of this package, so that its scores are registered."""
    import_modules("cellbench.scores", Path(__file__).parent)
