"""Macro F1 with few labels: the probe is fitted on 5 and on 20 labelled patches of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellbench.probes import PROBES
from cellbench.probes.f1 import macro_f1
from cellbench.scores.base import SCORES, Metric, Score, ScoreContext
from cellbench.scores.classification import N_FOLDS

N_LABELS = (5, 20)
"""Numbers of labelled patches of each class."""
N_DRAWS = 10
"""Draws of training patches for each number of labels."""
PROBE_SEED = 0


@dataclass(frozen=True)
class FewLabelScores:
    """Macro F1 with a number of labelled patches of each class.

    Attributes:
        f1_macro: Macro F1 over the predictions of all folds, 0–1, mean over draws.
        low: Lower end of its 95 % interval (Student's t over draws), 0–1; NaN for a single draw.
        high: Upper end, 0–1; NaN for a single draw.
        draws: Macro F1 of each draw, shape (n_draws,).
        short: Codes of the classes that have fewer patches in the training part of a fold, and give all that they have.
    """

    f1_macro: float
    low: float
    high: float
    draws: np.ndarray
    short: tuple[int, ...]


def few_label_scores(
    embeddings: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    n_classes: int,
    probe: str,
    n_labels: Sequence[int] = N_LABELS,
    n_draws: int = N_DRAWS,
) -> dict[int, FewLabelScores]:
    """Return the scores of a probe that is fitted on few labelled patches of each class.

    The folds are those of `cross_validate`. From the training part of each, every draw takes n patches of each class,
    from as many groups as possible. The probe is then tested on the whole test part. The draws depend on labels and
    groups alone, so representations of the same patches can be compared draw by draw.

    The interval says how much the mean varies with the drawn training patches. The folds and the test patches are the
    same in all draws, so it does not cover how the score would vary with other test patches or other slides, and
    training parts of several draws share patches where a class is small.

    Args:
        embeddings: Shape (N, D).
        labels: Class codes, shape (N,).
        groups: Group codes, shape (N,); no fold splits a group.
        n_classes: Length of the fixed list of classes.
        probe: Name of the probe; it is fitted with seed 0.
        n_labels: Numbers of labelled patches of each class.
        n_draws: Number of draws.

    Returns:
        The scores for each number of labels.

    Raises:
        DataError: There are fewer groups than folds, or fewer than two classes.
        NotFoundError: The probe is unknown.
    """
    from cellbench.patches.folds import probe_folds

    folds = probe_folds(labels, groups, n_folds=N_FOLDS, seed=0)
    kind = PROBES.get(probe)
    found = {}
    for n in n_labels:
        f1 = np.empty(n_draws)
        for draw in range(n_draws):
            drawn = [
                drawn_rows(train, labels, groups, n, np.random.default_rng((draw, fold)))
                for fold, (train, _) in enumerate(folds)
            ]
            # The other rows are left out, so that a probe that fits all folds at once does not keep copies of them.
            used, places = np.unique(np.concatenate(drawn), return_inverse=True)
            parts = np.split(places, np.cumsum([len(rows) for rows in drawn])[:-1])
            fits = [(rows, PROBE_SEED) for rows in parts]
            probes = kind.fit(embeddings[used], labels[used], groups[used], n_classes, fits)
            predictions = np.empty_like(labels)
            for fitted, (_, test) in zip(probes, folds, strict=True):
                predictions[test] = fitted.predict(embeddings[test])
            f1[draw] = macro_f1(labels, predictions, n_classes)
        counts = np.array([np.bincount(labels[train], minlength=n_classes) for train, _ in folds])
        short = tuple(int(code) for code in np.flatnonzero((counts < n).any(axis=0)))
        found[n] = FewLabelScores(float(f1.mean()), *_interval(f1), f1, short)
    return found


def drawn_rows(
    rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, n: int, generator: np.random.Generator
) -> np.ndarray:
    """Draw at most n rows of each class, from as many groups as possible.

    For each class, the groups are shuffled, and each in turn gives one of its patches until n are drawn. With an equal
    generator, the rows of a smaller n are among those of a larger one.

    Args:
        rows: Rows to draw from, shape (M,).
        labels: Class codes of all rows, shape (N,).
        groups: Group codes of all rows, shape (N,).
        n: Number of rows of each class; a class with fewer gives all.
        generator: Generator of the draw.

    Returns:
        The drawn rows, sorted.
    """
    drawn = []
    for code in np.unique(labels[rows]):
        own = generator.permutation(rows[labels[rows] == code])
        names, group = np.unique(groups[own], return_inverse=True)
        turn = generator.permutation(len(names))[group]
        by_group = np.argsort(group, kind="stable")
        starts = np.searchsorted(group[by_group], np.arange(len(names)))
        round_of = np.empty(len(own), dtype=np.int64)  # 0 for the first patch of a group, 1 for its second
        round_of[by_group] = np.arange(len(own)) - starts[group[by_group]]
        drawn.append(own[np.lexsort((turn, round_of))[:n]])
    return np.sort(np.concatenate(drawn))


@SCORES.register("few_labels", "macro F1 of the probe with 5 and 20 labelled patches of each class")
class FewLabels(Score):
    """Classification of the labelled patches with few labels, at the end of a trial."""

    moments = ("end",)
    metrics = tuple(
        metric
        for n in N_LABELS
        for metric in (
            Metric(f"probe/f1_macro_{n}", "end", "max", "0–1", f"macro F1 with {n} labels a class", mean_over="seeds"),
            Metric(f"probe/f1_macro_{n}_low", "end", "max", "0–1", "lower end of its 95 % interval over draws"),
            Metric(f"probe/f1_macro_{n}_high", "end", "max", "0–1", "upper end of its 95 % interval over draws"),
            Metric(f"probe/short_classes_{n}", "end", "none", "classes", f"classes with fewer than {n} labels"),
        )
    )
    order = 31

    def compute(self, context: ScoreContext) -> dict[str, float]:
        """Return macro F1, its interval, and how many classes have fewer labels, for 5 and 20 labels of each class."""
        rows = context.labelled_rows
        scores = few_label_scores(
            context.labelled_embeddings,
            context.patch_set.labels(rows),
            context.patch_set.groups(rows),
            len(context.patch_set.card.classes),
            context.probe,
        )
        found = {}
        for n, score in scores.items():
            found[f"probe/f1_macro_{n}"] = score.f1_macro
            found[f"probe/f1_macro_{n}_low"] = score.low
            found[f"probe/f1_macro_{n}_high"] = score.high
            found[f"probe/short_classes_{n}"] = float(len(score.short))
        return found


def _interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % t interval of the mean, clipped to 0–1."""
    from scipy.stats import t

    if len(values) < 2:
        return float("nan"), float("nan")
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return max(0.0, float(values.mean()) - half), min(1.0, float(values.mean()) + half)
