"""The defaults of a search: a first look, on a laptop, on a GPU, and as in the paper, in one table."""

import math
from dataclasses import dataclass

from cellbench.errors import NotFoundError
from cellbench.registry import nearest
from cellbench.training.configuration import DEFAULT_PROBE, Augment, Representation, Views

TRIAL_TIMEOUT_S = 7200.0
"""Longest time of one epoch of a trial, in every profile."""
CHECKPOINT_S = 30.0
"""Time between two checkpoints of a trial, in every profile."""


@dataclass(frozen=True)
class Profile:
    """Defaults of a search. Each can be set on the command line.

    Attributes:
        name: Name on the command line.
        passes: Number of patches that one full training sees. Divided by the size of the pool, it gives the epochs.
        n_trials: Number of trials of the search stage, per method.
        n_finalists: Number of configurations that are trained on further folds.
        n_folds: Number of the five folds of the pool that a finalist is scored on, with that of the search stage.
        n_seeds: Number of fresh seeds that the winner is trained on.
        reduction: ASHA keeps one trial out of this number at each rung.
        n_rungs: Number of rungs before the last epoch.
        cell_radius: Smallest radius in network px of a typical cell.
        min_size: Smallest network size in px.
        max_size: Largest network size in px.
        batch_size: Patches per step.
        max_concurrent: Largest number of trials at once, per GPU, or per machine without a GPU.
        sampler: Sampler of the configurations.
        augment: Random symmetries of a patch in training.
        views: Symmetries of the square that an embedding is the mean of.
        representation: What is embedded, μ or a sample of z.
        probe: Name of the probe that classifies representations.
        fixes_paper_values: Whether hyperparameters have the values of the paper where a search space has them.
        radius_factors: Least and largest radius of a mask, in multiples of the one estimated from the patches, which
            is tried first; None for the range of the search space.
        has_oracle: Whether the ceiling is trained where contours are known.
    """

    name: str
    passes: int
    n_trials: int
    n_finalists: int
    n_folds: int
    n_seeds: int
    reduction: int
    n_rungs: int
    cell_radius: float
    min_size: int
    max_size: int
    batch_size: int
    max_concurrent: int
    sampler: str = "tpe"
    augment: Augment = "flips,turns"
    views: Views = 8
    representation: Representation = "mean"
    probe: str = DEFAULT_PROBE
    fixes_paper_values: bool = False
    radius_factors: tuple[float, float] | None = None
    has_oracle: bool = True


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="quick",
            passes=3_800,
            n_trials=2,
            n_finalists=1,
            n_folds=1,
            n_seeds=2,
            reduction=3,
            n_rungs=0,  # the scores at a rung take as long as a third of these trainings
            cell_radius=4,
            min_size=32,
            max_size=48,
            batch_size=32,
            max_concurrent=4,
            radius_factors=(0.7, 1.4),
            has_oracle=False,
        ),
        Profile(
            name="cpu",
            passes=40_000,
            n_trials=6,
            n_finalists=2,
            n_folds=2,
            n_seeds=3,
            reduction=3,
            n_rungs=1,
            cell_radius=6,
            min_size=32,
            max_size=64,
            batch_size=32,
            max_concurrent=4,
        ),
        Profile(
            name="gpu",
            passes=250_000,
            n_trials=40,
            n_finalists=3,
            n_folds=5,
            n_seeds=3,
            reduction=3,
            n_rungs=2,
            cell_radius=16,
            min_size=64,
            max_size=128,
            batch_size=64,
            max_concurrent=4,
        ),
        Profile(
            name="paper",
            passes=1_000_000,
            n_trials=3,
            n_finalists=3,
            n_folds=5,
            n_seeds=5,
            reduction=3,
            n_rungs=2,
            cell_radius=32,
            min_size=256,
            max_size=256,
            batch_size=64,
            max_concurrent=2,
            sampler="grid",
            augment="none",
            views=1,
            representation="sample",
            probe="paper",
            fixes_paper_values=True,
        ),
    )
}


def profile(name: str, has_gpu: bool) -> Profile:
    """Return a profile by name. `auto` is `gpu` on a machine with a GPU, else `quick`.

    Raises:
        NotFoundError: The profile is unknown.
    """
    if name == "auto":
        return PROFILES["gpu" if has_gpu else "quick"]
    if name not in PROFILES:
        raise NotFoundError(f"There is no profile '{name}'; {nearest(name, ['auto', *PROFILES])}")
    return PROFILES[name]


def network_size(chosen: Profile, native_size: int, cell_radius_px: float | None) -> int:
    """Return the network size in px, a multiple of 16 that is large enough for the typical cell.

    Args:
        chosen: The profile.
        native_size: Side in px of the patches.
        cell_radius_px: Radius of a typical cell in native px; None where it is unknown.
    """
    wanted = chosen.min_size if cell_radius_px is None else chosen.cell_radius * native_size / cell_radius_px
    stepped = 16 * math.ceil(round(wanted, 6) / 16)
    largest = max(16, 16 * (native_size // 16))
    return min(max(stepped, chosen.min_size), chosen.max_size, largest)


def n_epochs(chosen: Profile, n_training: int) -> int:
    """Return the number of epochs in which a training sees the number of patches of the profile."""
    return max(1, math.ceil(chosen.passes / max(1, n_training)))


def rungs(epochs: int, reduction: int, n_rungs: int) -> tuple[int, ...]:
    """Return the epochs of the rungs, each `reduction` times the one before.

    >>> rungs(27, 3, 2), rungs(7, 3, 1), rungs(1, 3, 2)
    ((3, 9), (3,), ())
    """
    first = math.ceil(epochs / reduction**n_rungs)
    return tuple(first * reduction**k for k in range(n_rungs) if first * reduction**k < epochs)
