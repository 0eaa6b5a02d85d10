"""Measures on this machine how fast a training of a reproduction is, and how long its scores take."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.record.request import Request

if TYPE_CHECKING:
    import numpy as np

    from cellbench.patches import PatchSet
    from cellbench.training.trainer import Trainer

N_BATCHES = 3
"""Fewest batches from which the speed of a training is measured."""
MIN_CALIBRATION_S = 3.0
"""Shortest time over which it is measured, s."""


@dataclass(frozen=True)
class Speed:
    """Speed of a training.

    Attributes:
        patches_per_s: Patches that it sees in a second.
        scores_s: Time of its scores, s; None where it was not measured.
    """

    patches_per_s: float
    scores_s: float | None


def measured_speed(request: Request, patch_set: "PatchSet") -> Speed:
    """Return the speed of a training without suppression, from a few batches on this machine.

    Its scores are the embedding of the labelled patches, predicted from a few, and the probe on as many numbers.

    Args:
        request: The reproduction.
        patch_set: Its data set.
    """
    import torch

    from bench.home.paths import cache_dir
    from cellbench.threads import use_threads
    from cellbench.training.trainer import Trainer, build

    settings, native = request.settings, patch_set.card.native_size
    configuration = request.protocol[0].configuration
    use_threads(settings.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    source_size = build(configuration, settings, native, 0)[1].source_size
    patches = patch_set.resized(source_size, cache_dir())
    few = patch_set.rows("pool")[: N_BATCHES * settings.batch_size]
    trainer = Trainer(configuration, settings, patches, few, native, 0, device)
    return Speed(_patches_per_s(trainer, len(few)), _scores_s(trainer, patches, few, request, patch_set))


def _patches_per_s(trainer: "Trainer", n_patches: int) -> float:
    """Return the speed of a training on few patches. The first batches are slower, and not counted."""
    start, n_seen = time.perf_counter(), 0
    while n_seen == 0 or time.perf_counter() - start < MIN_CALIBRATION_S:
        trainer.run_epoch()
        n_seen += n_patches
        if n_seen == n_patches:
            warm_s, start = time.perf_counter() - start, time.perf_counter()
            if warm_s > 20 * MIN_CALIBRATION_S:  # patches so large that their first batches tell enough
                return n_seen / warm_s
    return (n_seen - n_patches) / (time.perf_counter() - start)


def _scores_s(
    trainer: "Trainer", patches: "np.ndarray", few: "np.ndarray", request: Request, patch_set: "PatchSet"
) -> float:
    """Return the time of embedding and classifying the labelled patches, s; `few` of `patches` are embedded."""
    import numpy as np

    from cellbench.scores.classification import cross_validate
    from cellbench.scores.few_labels import few_label_scores
    from cellbench.training.embedding import embed

    settings, rows = request.settings, patch_set.rows("labelled")
    start = time.perf_counter()
    found = embed(trainer.model, trainer.suppression, patches, few, trainer.device, views=settings.views)
    embedding_s = (time.perf_counter() - start) * len(rows) / len(few)
    generator = np.random.default_rng(0)
    embeddings = found[generator.integers(len(found), size=len(rows))]
    embeddings = embeddings + generator.normal(0, embeddings.std(), embeddings.shape).astype(np.float32)
    labels, groups, n_classes = patch_set.labels(rows), patch_set.groups(rows), len(patch_set.card.classes)
    start = time.perf_counter()
    cross_validate(embeddings, labels, groups, n_classes, settings.probe)
    few_label_scores(embeddings, labels, groups, n_classes, settings.probe)
    return embedding_s + time.perf_counter() - start
