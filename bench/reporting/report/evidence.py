"""What the sections of a report are made from, and what they return.

The sections know only `Evidence`. `gather` makes it from the folder of a search; what has trials of another kind makes
its own, and gets the same sections.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from bench.record.radius_range import RadiusRange
from bench.record.summary import Row
from bench.reporting.report.chart import Chart
from bench.terminal.formatting import length_in_words, value_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

    from cellbench.scores.confusions import Confusions

F1, SSIM, L1, LEAKAGE = "probe/f1_macro", "val/ssim_cell", "val/l1_core", "latent/leakage"
"""Metrics that the sections show, as columns of the table of trials."""


@dataclass(frozen=True)
class Picture:
    """A picture that is not drawn from a chart.

    Attributes:
        key: Name of its files, without an ending.
        title: What it shows.
        files: Its content by the ending of the file: webp, png or svg. The first is on the page.
    """

    key: str
    title: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class EmbeddingMap:
    """Embeddings of labelled patches in two dimensions.

    Attributes:
        trial: The trial whose encoder it is, in words.
        x: First coordinate of each patch.
        y: Second coordinate.
        codes: Class of each patch, as an index of `classes`.
        classes: Names of the classes.
        titles: Titles of the two axes.
        how: How the map was made, and how to read it.
        sheet: JPEG with a tile for each patch, in their order, row by row.
        tile: Side of a tile in px.
        columns: Tiles in a row.
        n_all: Labelled patches in all; the map may show fewer.
    """

    trial: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    codes: tuple[int, ...]
    classes: tuple[str, ...]
    titles: tuple[str, str]
    how: str
    sheet: bytes
    tile: int
    columns: int
    n_all: int


@dataclass(frozen=True, eq=False)
class ClassFacts:
    """What is known of the classes beside their scores.

    Attributes:
        confusions: Confusion matrices by the name in the table (`vae`, `floor pca`), one entry for each training.
        order: Orders of classes, as stages of maturation.
        frequencies: Natural frequency of each scored class, shape (classes,); None where they are unknown.
        source: `published` or `pool`: where the frequencies are from.
    """

    confusions: "Mapping[str, tuple[Confusions, ...]]" = field(default_factory=dict)
    order: tuple[tuple[str, ...], ...] = ()
    frequencies: "np.ndarray | None" = None
    source: Literal["published", "pool"] = "pool"


@dataclass(frozen=True)
class Evidence:
    """Everything that a report says about one search or reproduction.

    Attributes:
        name: Name of the search.
        dataset: Name of the data set.
        answer: The answer, one sentence each; the first two come first on the page.
        remarks: Limits of the numbers.
        trials: What `bench.record.load` returned.
        rows: Methods, floors and ceiling, the best method first; empty where the search has not ended.
        chosen: The configuration that stands for each method.
        lengths: Names of the hyperparameters of each method that are lengths in native px.
        um_per_px: µm per native px; None where it is unknown.
        cell_radius_px: Radius of a cell by the card, native px; None where it has none.
        response: F1 over the radius; None where no radius was searched.
        n_per_class: Number of labelled patches of each class; empty where the data set cannot be opened.
        pictures: Reconstructions, one picture for each method.
        embedding: Map of the embeddings; None where there is none.
        classes: Confusion matrices, order and frequencies of the classes.
        gaps: Why a section has no data, as a sentence, by the key of the section.
        facts: What is said about environment, seeds and fingerprints: what it is, and its value.
        commands: What a command does, and the command.
        intervals: 95 % interval of the mean macro F1 by method; None for Student's over the fresh seeds of a row.
        comparisons: Table of the comparisons between methods; None where there is none.
        kind: `search` or `reproduction`.
        is_named: Whether the name of a method has its hyperparameters, as in a reproduction.
        shared_names: Names of configurations that are the same on every data set; only of a reproduction.
    """

    name: str
    dataset: str
    answer: tuple[str, ...]
    remarks: tuple[str, ...]
    trials: "pd.DataFrame"
    rows: tuple[Row, ...]
    chosen: dict[str, str]
    lengths: dict[str, tuple[str, ...]]
    um_per_px: float | None = None
    cell_radius_px: float | None = None
    response: RadiusRange | None = None
    n_per_class: dict[str, int] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    embedding: EmbeddingMap | None = None
    classes: ClassFacts = field(default_factory=ClassFacts)
    gaps: dict[str, str] = field(default_factory=dict)
    facts: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    intervals: dict[str, tuple[float, float]] | None = None
    comparisons: "Table | None" = None
    kind: Literal["search", "reproduction"] = "search"
    is_named: bool = False
    shared_names: dict[str, str] = field(default_factory=dict)

    @cached_property
    def done(self) -> "pd.DataFrame":
        """Completed trials that have a macro F1, without those of a ceiling, with the column `label` for people."""
        trials = self.trials
        if F1 not in trials:
            return trials.iloc[:0].assign(label=[], **{F1: []})
        kept = trials[(trials["outcome"] == "completed") & trials[F1].notna() & (trials["stage"] != "oracle")]
        return kept.assign(label=[self.label(row) for _, row in kept.iterrows()])

    @property
    def n_tried(self) -> int:
        """Number of different configurations with a completed trial, of which the best are shown."""
        return int(self.done["configuration"].nunique())

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order of the rows; those without a row follow by their best trial."""
        known = [row.name for row in self.rows if row.kind == "method"]
        best = self.done.groupby("method")[F1].max().sort_values(ascending=False).index
        return (*known, *(str(name) for name in best if name not in known))

    def label(self, trial: "pd.Series") -> str:
        """Return a trial in words: its method, the hyperparameters that vary, its fold and its seed."""
        import pandas as pd

        own = [
            f"{name} {self._in_words(str(trial['method']), name, trial[f'params/{name}'])}"
            for name in (() if self.is_named else self._varied)
            if pd.notna(trial[f"params/{name}"])
        ]
        fold = "whole pool" if pd.isna(trial["fold"]) else f"fold {trial['fold']}"
        return f"{trial['method']} {', '.join(own)} · {fold} · seed {trial['seed']}".replace("  ", " ")

    def with_files(
        self, pictures: tuple[Picture, ...], embedding: EmbeddingMap | None, classes: ClassFacts, gaps: dict[str, str]
    ) -> "Evidence":
        """Return a copy with what was read from the folders of trials."""
        return replace(self, pictures=pictures, embedding=embedding, classes=classes, gaps=gaps)

    def trainings_of(self, method: str) -> "pd.DataFrame":
        """Return the trainings of the configuration that stands for a method: fresh seeds, else folds."""
        own = self.done[self.done["configuration"] == self.chosen.get(method)]
        fresh = own[own["stage"] == "final"]
        return own if fresh.empty else fresh

    @cached_property
    def _varied(self) -> tuple[str, ...]:
        names = [name for name in self.trials.columns if name.startswith("params/")]
        return tuple(n.removeprefix("params/") for n in names if self.trials[n].astype(str).nunique() > 1)

    def _in_words(self, method: str, name: str, value: object) -> str:
        if name in self.lengths.get(method, ()) and isinstance(value, int | float):
            return length_in_words(float(value), None)
        return value_in_words(value)


@dataclass(frozen=True)
class Table:
    """A table, as text for the page and as numbers for its file.

    Attributes:
        key: Name of its files, without an ending.
        title: What it shows.
        heads: Headings of the columns.
        rows: Cells, one tuple for each row. The first column is text, the others are numbers.
        frame: The same with all digits, for the files.
        marked: Rows that are written in bold.
        dim: Rows that are written in grey.
        n_text: Number of leading columns that are text.
        is_folded: Whether the page shows it only when it is opened.
    """

    key: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    frame: "pd.DataFrame"
    marked: frozenset[int] = frozenset()
    dim: frozenset[int] = frozenset()
    n_text: int = 1
    is_folded: bool = False


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        key: Its anchor.
        title: Its title.
        words: Paragraphs.
        tables: Tables.
        charts: Charts.
        pictures: Pictures.
        embedding: The map whose patches the chart shows under the pointer.
        facts: Pairs of a name and a value.
        missing: Why the section has nothing to show, as a sentence; empty where it has.
    """

    key: str
    title: str
    words: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    pictures: tuple[Picture, ...] = ()
    embedding: EmbeddingMap | None = None
    facts: tuple[tuple[str, str], ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Article:
    """A part of the page: a search or reproduction, or a comparison of several.

    Attributes:
        name: Its heading, and the name of the folder of its files where the page has several.
        under: What stands below the heading.
        sections: Its sections.
    """

    name: str
    under: str
    sections: tuple[Section, ...]


def selection_bias(evidence: Evidence) -> str:
    """Return the word of caution that stands beside the best of several configurations."""
    n = evidence.n_tried
    if n < 2:
        return "One configuration was completed, so nothing was chosen and there is no selection bias."
    if evidence.kind == "reproduction":
        return (
            f"Selection bias: the best of {n} configurations scores too high, because noise helps to choose it. The "
            "answer says how far the best of as many equal ones would lead. The holdout was not used."
        )
    return (
        f"Selection bias: the best of {n} configurations scores too high in its own search, because noise helps to "
        "choose it. Fresh seeds lower this bias, but share the labelled patches; only the holdout had no part in the "
        "choice."
    )
