"""Five folds of the probe at once, beside five fits one after another and scikit-learn's MLPClassifier."""

import warnings
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

from bench.perf.beside import beside
from cellbench.scores.probe import BATCH_SIZE, EPOCHS, HIDDEN, LEARNING_RATE, Standardizer, fit_probe, fit_probes

N_CLASSES = 10


def test_probe_over_five_folds(benchmark: Any) -> None:
    """1 797 vectors of scikit-learn's digits, random features up to 256, as many as a latent has."""
    digits = load_digits()
    random = np.random.default_rng(0)
    pixels = digits.data.astype(np.float32)
    embeddings = np.tanh(pixels @ random.normal(0, 0.05, (64, 256)).astype(np.float32))
    labels = digits.target
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(embeddings, labels))
    f1: dict[str, float] = {}

    def score(name: str, predicted: list[np.ndarray]) -> None:
        each = [f1_score(labels[test], p, average="macro") for p, (_, test) in zip(predicted, folds, strict=True)]
        f1[name] = round(float(np.mean(each)), 3)

    def batched() -> None:
        probes = fit_probes(embeddings, labels, N_CLASSES, [(train, 0) for train, _ in folds])
        score("batched", [probe.predict(embeddings[test]) for probe, (_, test) in zip(probes, folds, strict=True)])

    def sequential() -> None:
        found = [fit_probe(embeddings[train], labels[train], N_CLASSES, 0) for train, _ in folds]
        score("one after another", [p.predict(embeddings[test]) for p, (_, test) in zip(found, folds, strict=True)])

    def scikit() -> None:
        predicted = []
        for train, test in folds:
            scale = Standardizer.fit(embeddings[train])
            network = MLPClassifier(
                HIDDEN, batch_size=BATCH_SIZE, learning_rate_init=LEARNING_RATE, max_iter=EPOCHS, random_state=0
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                network.fit(scale(embeddings[train]), labels[train])
            predicted.append(network.predict(scale(embeddings[test])))
        score("MLPClassifier", predicted)

    ways = {"one after another": sequential, "cellbench, batched": batched, "scikit-learn's MLPClassifier": scikit}
    beside(benchmark, ways, 5, "fits", rounds=3)
    benchmark.extra_info["macro F1"] = f1
