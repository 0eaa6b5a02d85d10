"""The response curve: what the embedding of one trained network is worth at each radius."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cellbench.patches.patchset import PatchSet
from cellbench.radius_conditioned.trainer import RadiusConditionedTrainer
from cellbench.scores.classification import ProbeScores, cross_validate
from cellbench.scores.probe import DEFAULT_SEEDS
from cellbench.training.embedding import embed


@dataclass(frozen=True)
class CurvePoint:
    """What the labelled patches score as seen at one radius.

    Attributes:
        radius: r_max in native px.
        scores: Scores of the cross-validated probe.
        n_embedded: Patches that went through the encoder for it: labelled patches × views.
    """

    radius: float
    scores: ProbeScores
    n_embedded: int


def response_curve(
    trainer: RadiusConditionedTrainer,
    patch_set: PatchSet,
    radii: Sequence[float],
    seeds: Sequence[int] = DEFAULT_SEEDS,
) -> Iterator[CurvePoint]:
    """Yield the score at each radius, as it is computed; the network is not trained any further.

    Args:
        trainer: The trained network.
        patch_set: Data set that its patches come from; labelled patches are scored.
        radii: r_max in native px.
        seeds: Seeds of the probe.
    """
    rows = patch_set.rows("labelled")
    labels, groups, n_classes = patch_set.labels(rows), patch_set.groups(rows), len(patch_set.card.classes)
    for radius in radii:
        embeddings = embed_at(trainer, rows, radius)
        scores = cross_validate(embeddings, labels, groups, n_classes, seeds, peers=False)
        yield CurvePoint(radius, scores, len(rows) * trainer.settings.views)


def embed_at(trainer: RadiusConditionedTrainer, rows: np.ndarray, radius: float) -> np.ndarray:
    """Return the embeddings of rows as seen at a radius in native px, shape (len(rows), latent_dim)."""
    seen = trainer.suppression.at(radius)
    device: torch.device = trainer.device
    return embed(trainer.model, seen, trainer.patches, rows, device, views=trainer.settings.views)
