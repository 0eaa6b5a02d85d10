"""Trainings at the settings of the grid: what they share, how they run, and the table they make."""

import hashlib
import json
import math
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from cellbench.patches import PatchSet
    from cellbench.training.configuration import TrainingSettings
    from cellbench.trials.job import TrialJob

J = TypeVar("J")
FIXED = {"lr": 1e-3, "beta": 2e-3, "latent_dim": 256}
"""Hyperparameters that all trainings share."""
PASSES = 10_000
"""Patches that one training sees, at most, by default."""
MIN_CELL_RADIUS = 8
"""Network px that the radius of a typical cell keeps."""


def network_size(patch_set: "PatchSet") -> int:
    """Return the smallest multiple of 8 px, 32 or more, at which a typical cell's radius keeps 8 px."""
    radius = patch_set.card.cell_radius_px
    wanted = 32 if radius is None else MIN_CELL_RADIUS * patch_set.card.native_size / radius
    return min(max(32, 8 * math.ceil(round(wanted, 6) / 8)), patch_set.card.native_size)


def settings_for(patch_set: "PatchSet", passes: int, size: int) -> "TrainingSettings":
    """Return the settings of a training that sees at most so many patches.

    Args:
        patch_set: The data set.
        passes: Patches that one training sees, at most; never less than one epoch.
        size: Network size in px.
    """
    from bench.record.profiles import profile
    from cellbench.training.configuration import TrainingSettings
    from cellbench.trials.job import N_POOL_FOLDS

    n_training = len(patch_set.rows("pool")) * (N_POOL_FOLDS - 1) // N_POOL_FOLDS
    return TrainingSettings(
        epochs=max(1, passes // n_training),
        batch_size=profile("cpu", False).batch_size,
        network_size=size,
        threads=1,
    )


def make_job(
    patch_set: "PatchSet",
    method: str,
    params: dict[str, float | bool | str],
    settings: "TrainingSettings",
    seed: int,
    folder: Path,
) -> "TrialJob":
    """Return one training; its files go into a folder of its own.

    Args:
        patch_set: The data set.
        method: Name of the suppression.
        params: Its hyperparameters, lengths in native px.
        settings: What all trainings share.
        seed: Seed of the training.
        folder: Where the folder of the training goes.
    """
    from bench.home.paths import cache_dir
    from cellbench.training.configuration import Configuration
    from cellbench.trials.job import TrialJob

    job = TrialJob(
        dataset=patch_set.path,
        fingerprint=patch_set.card.fingerprint,
        cache=cache_dir(),
        directory=Path("unnamed"),
        configuration=Configuration(method=method, params=params, **FIXED),
        settings=settings,
        seed=seed,
    )
    return job.model_copy(update={"directory": folder / f"{settings.network_size}px-{settings.epochs}epochs" / job.key})


def train(job: "TrialJob") -> dict[str, float]:
    """Return the final metrics of one training, run from start to end unless it was before."""
    import torch

    from cellbench.trials.run import TrialRun

    if (stored := TrialRun.finished(job)) is not None:
        return stored
    run, metrics = TrialRun(job, torch.device("cpu")), {}
    while not run.done:
        metrics = run.step()
    run.finish(metrics)
    return metrics


def run_all(jobs: Sequence[J], processes: int | None, work: Callable[[J], Any]) -> Iterator[tuple[J, Any]]:
    """Run trainings in processes of their own; yield each with what the work returned, as they end.

    Args:
        jobs: The trainings.
        processes: So many at once; None for one a core.
        work: What is done with each job.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes or len(os.sched_getaffinity(0)), context) as pool:
        running = {pool.submit(work, job): job for job in jobs}
        for done in as_completed(running):
            yield running[done], done.result()


def table_key(job: "TrialJob") -> str:
    """Return a short hash of all that decides a training's numbers."""
    return hashlib.sha256(json.dumps(job.identity, sort_keys=True).encode()).hexdigest()[:12]


class Measured:
    """A table of trainings in a CSV file, one row each; what stands in it is not trained again, on any machine.

    Columns: key of the training, data set, method, seed, its
    hyperparameters (lengths in native px), settings, every final metric, and `cost/pixels`: patches × pixels that went
    through the network in training.

    Args:
        path: The file, made with the first row; None keeps the table in memory.
    """

    def __init__(self, path: Path | None) -> None:
        import pandas as pd

        self._path = path
        self.frame = pd.read_csv(path) if path is not None and path.exists() else pd.DataFrame({"key": []})

    def lacks(self, job: "TrialJob") -> bool:
        """Whether a training is not in the table."""
        return table_key(job) not in set(self.frame["key"])

    def add(self, job: "TrialJob", metrics: Mapping[str, float], **more: Any) -> None:
        """Write a training.

        Args:
            job: The training.
            metrics: Its final metrics.
            more: Further columns.
        """
        import pandas as pd

        from cellbench.disk import write_text

        size = job.settings.network_size
        row = {
            "key": table_key(job),
            "dataset": job.dataset.name,
            **more,
            "method": job.configuration.method,
            "seed": job.seed,
            **job.configuration.params,
            "network_size": size,
            "epochs": job.settings.epochs,
            **metrics,
            "cost/pixels": metrics["cost/patches"] * size**2,
        }
        self.frame = pd.concat([self.frame, pd.DataFrame([row])], ignore_index=True)
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._path, self.frame.to_csv(index=False, float_format="%.6g"))
