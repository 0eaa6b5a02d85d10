"""Classification of frozen embeddings: cross-validated probe, nearest neighbours, logistic regression."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellbench.probes import PROBES
from cellbench.probes.f1 import confusion, f1_by_class, macro_f1
from cellbench.probes.paper import Standardizer
from cellbench.scores.base import SCORES, Metric, Score, ScoreContext
from cellbench.scores.confusions import Confusions

N_FOLDS = 5
N_NEIGHBOURS = 20
Folds = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class ProbeScores:
    """Scores of the cross-validated probe.

    Attributes:
        f1_macro: Macro F1 over the pooled out-of-fold predictions, mean over seeds.
        f1_std: Standard deviation over folds of a fold's macro F1 over the classes that it has, mean over seeds.
        f1_by_class: F1 of each class, shape (classes,), mean over seeds.
        accuracy: Share of patches that are predicted correctly, mean over seeds.
        knn_f1_macro: Macro F1 of the 20 nearest neighbours; NaN without `peers`.
        linear_f1_macro: Macro F1 of logistic regression; NaN without `peers`.
        confusions: Counts of each seed of the probe, shape (seeds, classes, classes), rows true and columns predicted.
    """

    f1_macro: float
    f1_std: float
    f1_by_class: np.ndarray
    accuracy: float
    knn_f1_macro: float
    linear_f1_macro: float
    confusions: np.ndarray


def out_of_fold(
    embeddings: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    n_classes: int,
    probe: str,
    seeds: Sequence[int] | None = None,
) -> list[np.ndarray]:
    """Return class codes of shape (N,), predicted in a five-fold cross-validation over groups, for each seed.

    Args:
        embeddings: Shape (N, D).
        labels: Class codes, shape (N,).
        groups: Group codes, shape (N,); no fold splits a group.
        n_classes: Length of the fixed list of classes.
        probe: Name of the probe.
        seeds: Seeds of the probe; the folds are the same for all. None for those of the probe's results.

    Raises:
        NotFoundError: The probe is unknown.
    """
    from cellbench.patches.folds import probe_folds

    folds = probe_folds(labels, groups, n_folds=N_FOLDS, seed=0)
    kind = PROBES.get(probe)
    seeds = kind.seeds if seeds is None else seeds
    fits = [(train, seed) for seed in seeds for train, _ in folds]
    fitted = iter(kind.fit(embeddings, labels, groups, n_classes, fits))
    found = []
    for _ in seeds:
        predictions = np.empty_like(labels)
        for _, test in folds:
            predictions[test] = next(fitted).predict(embeddings[test])
        found.append(predictions)
    return found


def cross_validate(
    embeddings: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    n_classes: int,
    probe: str,
    seeds: Sequence[int] | None = None,
    peers: bool = True,
) -> ProbeScores:
    """Return the scores of probes in a five-fold cross-validation over groups.

    Args:
        embeddings: Shape (N, D).
        labels: Class codes, shape (N,).
        groups: Group codes, shape (N,); no fold splits a group.
        n_classes: Length of the fixed list of classes.
        probe: Name of the probe.
        seeds: Seeds of the probe; the folds are the same for all. None for those of the probe's results.
        peers: Whether to score nearest neighbours and logistic regression as well.

    Raises:
        NotFoundError: The probe is unknown.
    """
    from cellbench.patches.folds import probe_folds

    folds = probe_folds(labels, groups, n_folds=N_FOLDS, seed=0)
    f1, spread, by_class, accuracy, tables = [], [], [], [], []
    for predictions in out_of_fold(embeddings, labels, groups, n_classes, probe, seeds):
        spread.append(np.std([_f1_of_fold(labels[test], predictions[test], n_classes) for _, test in folds], ddof=1))
        by_class.append(f1_by_class(labels, predictions, n_classes))
        f1.append(by_class[-1].mean())
        accuracy.append((labels == predictions).mean())
        tables.append(confusion(labels, predictions, n_classes))
    return ProbeScores(
        f1_macro=float(np.mean(f1)),
        f1_std=float(np.mean(spread)),
        f1_by_class=np.mean(by_class, axis=0),
        accuracy=float(np.mean(accuracy)),
        knn_f1_macro=_cross_validated(_knn, embeddings, labels, folds, n_classes) if peers else float("nan"),
        linear_f1_macro=_cross_validated(_linear, embeddings, labels, folds, n_classes) if peers else float("nan"),
        confusions=np.stack(tables),
    )


def _f1_of_fold(labels: np.ndarray, predictions: np.ndarray, n_classes: int) -> float:
    """Return macro F1 over the classes that a fold has or predicts; a small class is not in every fold."""
    seen = np.union1d(labels, predictions)
    return float(f1_by_class(labels, predictions, n_classes)[seen].mean())


@SCORES.register("probe", "macro F1 of a shallow classifier on the embeddings of labelled patches")
class CrossValidatedProbe(Score):
    """Classification of the labelled patches' embeddings by the probe of the trial."""

    moments = ("rung", "end")
    metrics = (
        Metric("rung/f1_macro", "rung", "max", "0–1", "macro F1 of the probe at a rung", initial=0.0),
        Metric("probe/f1_macro", "end", "max", "0–1", "macro F1 of the probe", "F1", listed=True, mean_over="seeds"),
        Metric("probe/f1_std", "end", "min", "0–1", "standard deviation of macro F1 over folds", mean_over="seeds"),
        Metric("probe/accuracy", "end", "max", "0–1", "accuracy of the probe", mean_over="seeds"),
        Metric("probe/knn_f1_macro", "end", "max", "0–1", "macro F1 of 20 nearest neighbours", mean_over="seeds"),
        Metric("probe/linear_f1_macro", "end", "max", "0–1", "macro F1 of logistic regression", mean_over="seeds"),
        Metric("probe/f1/<class>", "end", "max", "0–1", "F1 of a class", mean_over="seeds"),
    )
    order = 30

    def compute(self, context: ScoreContext) -> dict[str, float]:
        """Return `rung/f1_macro`, and at the end of the trial the scores of `ProbeScores` too."""
        at_end = context.moment == "end"
        classes, rows = context.patch_set.card.classes, context.labelled_rows
        self._scores = scores = cross_validate(
            context.labelled_embeddings,
            context.patch_set.labels(rows),
            context.patch_set.groups(rows),
            len(classes),
            context.probe,
            None if at_end else PROBES.get(context.probe).rung_seeds,
            peers=at_end,
        )
        if not at_end:
            return {"rung/f1_macro": scores.f1_macro}
        return {
            "rung/f1_macro": scores.f1_macro,
            "probe/f1_macro": scores.f1_macro,
            "probe/f1_std": scores.f1_std,
            "probe/accuracy": scores.accuracy,
            "probe/knn_f1_macro": scores.knn_f1_macro,
            "probe/linear_f1_macro": scores.linear_f1_macro,
            **{f"probe/f1/{name}": float(f1) for name, f1 in zip(classes, scores.f1_by_class, strict=True)},
        }

    def draw(self, context: ScoreContext, directory: Path) -> None:
        """Draw `confusion.png` from the first seed of the probe, and write the counts of all seeds beside it."""
        from cellbench.scores.confusion_figure import save_confusion

        classes, tables = context.patch_set.card.classes, self._scores.confusions
        title = f"out-of-fold predictions, macro F1 {self._scores.f1_macro:.3f}"
        save_confusion(directory / "confusion.png", tables[0], classes, title)
        Confusions(tuple(classes), tables).write(directory / "confusion.json")


Predictor = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _cross_validated(
    predictor: Predictor, embeddings: np.ndarray, labels: np.ndarray, folds: Folds, n_classes: int
) -> float:
    predictions = np.empty_like(labels)
    for train, test in folds:
        standardize = Standardizer.fit(embeddings[train])
        predictions[test] = predictor(standardize(embeddings[train]), labels[train], standardize(embeddings[test]))
    return macro_f1(labels, predictions, n_classes)


def _knn(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(n_neighbors=min(N_NEIGHBOURS, len(train)))
    return np.asarray(model.fit(train, labels).predict(test))


def _linear(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    # Features are standardised, so one strength of the penalty is enough; the tolerance limits the time.
    model = LogisticRegression(C=0.1, max_iter=300, tol=1e-3)
    return np.asarray(model.fit(train, labels).predict(test))
