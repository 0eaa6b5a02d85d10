"""The space on disk that a search or a reproduction needs."""

from typing import TYPE_CHECKING

from bench.home.paths import cache_dir, searches_dir
from bench.record.request import Request
from cellbench.disk import check_free_space

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

ENCODER_BYTES = 60 * 2**20
"""Approximate size of a ResNet-18 auto-encoder on disk. A checkpoint is three times as large."""


def bytes_of_folder(request: Request, patch_set: "PatchSet", at_once: int) -> int:
    """Return how many bytes the folder and MLflow need.

    Args:
        request: The search or the reproduction.
        patch_set: Its data set.
        at_once: Trainings at once.
    """
    if request.protocol:
        n_saved, n_encoders = len(request.protocol) * request.n_folds * request.n_seeds, 0
    else:
        n_methods = len(request.spaces)
        n_saved = n_methods * (request.n_trials + request.n_finalists * request.n_folds + request.n_seeds)
        n_encoders = n_methods * request.n_seeds
    n_embedded = len(patch_set.rows("labelled")) + len(patch_set.rows("holdout"))
    embeddings = 4 * max(int(space.complete({})["latent_dim"]) for space in request.spaces) * n_embedded
    kept = 2 * n_saved * embeddings + 2 * n_encoders * ENCODER_BYTES  # in the folder and in MLflow
    return kept + 6 * at_once * ENCODER_BYTES


def check_disk(request: Request, patch_set: "PatchSet", at_once: int) -> None:
    """Check that there is space for a search or a reproduction, and for the resized copy of its patches.

    Args:
        request: The search or the reproduction.
        patch_set: Its data set.
        at_once: Trainings at once.

    Raises:
        StoreError: A disk has too little free space.
    """
    check_free_space(searches_dir(), bytes_of_folder(request, patch_set, at_once))
    check_free_space(cache_dir(), 3 * len(patch_set) * request.settings.network_size**2)
