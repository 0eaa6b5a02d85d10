"""Batched fits of the probe, compared with fits one after another and scikit-learn's MLPClassifier."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

from bench.perf.beside import compare
from cellbench.probes.kernel_ridge import KernelRidge
from cellbench.probes.paper import BATCH_SIZE, EPOCHS, HIDDEN, LEARNING_RATE, Standardizer, fit_networks

N_CLASSES = 10


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_probe_over_five_folds_and_seeds(benchmark: Any, n_seeds: int) -> None:
    """Compare on the 1 797 digits of scikit-learn with 256 random features, the dimension of a latent."""
    digits = load_digits()
    random = np.random.default_rng(0)
    pixels = digits.data.astype(np.float32)
    embeddings = np.tanh(pixels @ random.normal(0, 0.05, (64, 256)).astype(np.float32))
    labels = digits.target
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(embeddings, labels))
    fits = [(train, seed) for seed in range(n_seeds) for train, _ in folds]
    tests = [test for _, test in folds] * n_seeds
    f1: dict[str, float] = {}

    def score(name: str, predicted: list[np.ndarray]) -> None:
        each = [f1_score(labels[test], p, average="macro") for p, test in zip(predicted, tests, strict=False)]
        f1[name] = round(float(np.mean(each)), 3)

    def batched() -> None:
        probes = fit_networks(embeddings, labels, N_CLASSES, fits)
        score("batched", [probe.predict(embeddings[test]) for probe, test in zip(probes, tests, strict=True)])

    def sequential() -> None:
        found = [fit_networks(embeddings, labels, N_CLASSES, [fit])[0] for fit in fits]
        score("one after another", [p.predict(embeddings[test]) for p, test in zip(found, tests, strict=True)])

    def ridge() -> None:
        once = fits[: len(folds)]  # its results need one seed
        fitted = KernelRidge.fit(embeddings, labels, np.arange(len(labels)), N_CLASSES, once)
        score("kernel ridge", [p.predict(embeddings[test]) for p, test in zip(fitted, tests, strict=False)])

    def scikit() -> None:
        predicted: list[np.ndarray] = []
        for train, seed in fits:
            scale = Standardizer.fit(embeddings[train])
            network = MLPClassifier(
                HIDDEN, batch_size=BATCH_SIZE, learning_rate_init=LEARNING_RATE, max_iter=EPOCHS, random_state=seed
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                network.fit(scale(embeddings[train]), labels[train])
            test = tests[len(predicted)]
            predicted.append(network.predict(scale(embeddings[test])))
        score("MLPClassifier", predicted)

    variants = {
        "one after another": sequential,
        "cellbench, batched": batched,
        "kernel ridge": ridge,
        "scikit-learn's MLPClassifier": scikit,
    }
    compare(benchmark, variants, len(fits), "fits", rounds=3)
    benchmark.extra_info["macro F1"] = f1
