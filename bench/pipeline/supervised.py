"""The supervised ceiling: the encoder of the search, trained on labels, and scored on folds that it has not seen."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cellbench.training.configuration import TrainingSettings

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

Supervised = Literal["none", "fold", "all"]
"""`fold`: trained on four fifths of the labelled patches, and scored on the first probe fold. `all`: five trainings,
one for each probe fold, and one on all labelled patches for the holdout."""
NAMES = {"fold": "supervised (one fold)", "all": "supervised"}
"""Names of the ceiling in tables and verdicts."""
N_TRAININGS = {"none": 0, "fold": 1, "all": 6}
"""Number of trainings, that for the holdout included."""
VERSION = 2
"""Raised with each change of the arrays, so that predictions of an older version are not read from the cache."""
LIBRARIES = ("numpy", "timm", "torch")
NOT_USED = {"threads", "compile", "representation", "kl_warmup", "probe"}
"""Settings that do not change a supervised training."""


@dataclass(frozen=True)
class SupervisedCeiling:
    """The predictions of the supervised ceiling.

    Attributes:
        name: Its name.
        predictions: Class codes of the labelled patches, shape (N,), each by a training that has not seen the patch;
            only those of `among` are defined.
        among: Positions of the labelled patches that are scored.
        holdout: Class codes of the holdout by a training on all labelled patches; None where it was not trained.
        seconds: Time of the trainings when they were computed, s.
    """

    name: str
    predictions: np.ndarray
    among: np.ndarray
    holdout: np.ndarray | None
    seconds: float


def supervised_ceiling(
    patch_set: "PatchSet",
    settings: TrainingSettings,
    extent: Literal["fold", "all"],
    seed: int,
    cache: Path,
    device: str = "cpu",
    *,
    with_holdout: bool = True,
) -> SupervisedCeiling:
    """Return the predictions of the supervised ceiling. Trainings that have ended are read from the cache.

    A training sees as many patches as one on the whole pool, and no label of the holdout.

    Args:
        patch_set: The data set.
        settings: Settings of the search.
        extent: One fold, or all folds and the holdout.
        seed: Seed of the trainings.
        cache: Folder of resized copies and of the predictions.
        device: Device that trains.
        with_holdout: Whether `all` also predicts the holdout, by a training of its own.

    Raises:
        TrainingError: A loss became infinite or NaN.
    """
    import torch

    from cellbench.floors.array_cache import cached_arrays
    from cellbench.patches import probe_folds
    from cellbench.scores.classification import N_FOLDS
    from cellbench.training.supervised import predict_supervised, train_supervised

    rows, place = patch_set.rows("labelled"), torch.device(device)
    labels, n_classes = patch_set.labels(rows), len(patch_set.card.classes)
    folds = probe_folds(labels, patch_set.groups(rows), n_folds=N_FOLDS, seed=0)
    passes = settings.epochs * len(patch_set.rows("pool"))

    def trained(train: np.ndarray, test: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
        def compute() -> dict[str, np.ndarray]:
            start = time.perf_counter()
            source = patch_set.resized(settings.network_size, cache)
            network = train_supervised(settings, source, rows[train], labels[train], n_classes, passes, seed, place)
            predictions = predict_supervised(network, source, test, settings.views, place)
            return {"predictions": predictions, "seconds": np.array(time.perf_counter() - start)}

        return compute

    seconds = 0.0

    def predicted(part: str, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        nonlocal seconds
        found = cached_arrays(cache / _key(patch_set, settings, seed, device, part), trained(train, test))
        seconds += float(found["seconds"])
        return found["predictions"]

    chosen = folds if extent == "all" else folds[:1]
    predictions = np.zeros_like(labels)
    for number, (train, test) in enumerate(chosen):
        predictions[test] = predicted(f"fold{number}", train, rows[test])
    unseen, holdout = patch_set.rows("holdout"), None
    if extent == "all" and with_holdout and len(unseen):
        holdout = predicted("holdout", np.arange(len(rows)), unseen)
    among = np.sort(np.concatenate([test for _, test in chosen]))
    return SupervisedCeiling(NAMES[extent], predictions, among, holdout, seconds)


def _key(patch_set: "PatchSet", settings: TrainingSettings, seed: int, device: str, part: str) -> str:
    """Return the name of a file in the cache. It begins as that of a resized copy, to be removed with them."""
    weights = settings.encoder_weights
    identity = {
        "fingerprint": patch_set.card.fingerprint,
        "version": VERSION,
        "settings": settings.model_dump(mode="json", exclude=NOT_USED),
        "weights": None if weights is None else hashlib.sha256(weights.read_bytes()).hexdigest(),
        "seed": seed,
        "device": device.partition(":")[0],
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    return f"{patch_set.card.fingerprint[:16]}-supervised-{digest}-{part}"
