"""The response curve: the probe score of one radius-conditioned network at each radius."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cellbench.patches.patchset import PatchSet
from cellbench.radius_conditioned.trainer import RadiusConditionedTrainer
from cellbench.scores.classification import ProbeScores, cross_validate
from cellbench.training.embedding import embed


@dataclass(frozen=True)
class CurvePoint:
    """The probe scores of the labelled patches at one radius.

    Attributes:
        radius: r_max in native px.
        scores: Scores of the cross-validated probe.
        n_embedded: Number of patches that the encoder embedded for this point: labelled patches × views.
    """

    radius: float
    scores: ProbeScores
    n_embedded: int


def response_curve(
    trainer: RadiusConditionedTrainer,
    patch_set: PatchSet,
    radii: Sequence[float],
    probe: str,
) -> Iterator[CurvePoint]:
    """Yield the scores at each radius as soon as they are computed. The network is not trained further.

    Args:
        trainer: Trainer of the network.
        patch_set: Data set of the trainer's patches. Its labelled patches are scored.
        radii: Values of r_max in native px.
        probe: Name of the probe.
    """
    rows = patch_set.rows("labelled")
    labels, groups, n_classes = patch_set.labels(rows), patch_set.groups(rows), len(patch_set.card.classes)
    for radius in radii:
        embeddings = embed_at(trainer, rows, radius)
        scores = cross_validate(embeddings, labels, groups, n_classes, probe, peers=False)
        yield CurvePoint(radius, scores, len(rows) * trainer.settings.views)


def embed_at(trainer: RadiusConditionedTrainer, rows: np.ndarray, radius: float) -> np.ndarray:
    """Return the embeddings of patches at one radius.

    Args:
        trainer: Trainer of the network.
        rows: Rows of the trainer's patches, shape (N,).
        radius: r_max in native px.

    Returns:
        Embeddings, shape (N, latent_dim).
    """
    view = trainer.suppression.at(radius)
    device: torch.device = trainer.device
    return embed(trainer.model, view, trainer.patches, rows, device, views=trainer.settings.views)
