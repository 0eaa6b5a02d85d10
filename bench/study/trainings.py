"""Trainings of the studies: common settings, running in parallel processes, and the table of results."""

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
    from cellbench.training.configuration import Configuration, TrainingSettings
    from cellbench.trials.job import TrialJob

J = TypeVar("J")
FIXED = {"lr": 1e-3, "beta": 2e-3, "latent_dim": 256}
"""Hyperparameters of all trainings."""
PROBE = "paper"
"""Probe of the studies of radii and masks, whose tables were begun with it."""
PASSES = 10_000
"""Largest number of patches that one training sees, by default. An epoch counts every patch once."""
MIN_CELL_RADIUS = 8
"""Smallest radius of a typical cell at the network size, in network px."""


def network_size(patch_set: "PatchSet") -> int:
    """Return the smallest multiple of 8 px, 32 or more, at which the radius of a typical cell is at least 8 px.

    Args:
        patch_set: The data set. The result is 32 px if its card has no cell radius, and never above its native size.
    """
    radius = patch_set.card.cell_radius_px
    wanted = 32 if radius is None else MIN_CELL_RADIUS * patch_set.card.native_size / radius
    return min(max(32, 8 * math.ceil(round(wanted, 6) / 8)), patch_set.card.native_size)


def settings_for(patch_set: "PatchSet", passes: int, size: int) -> "TrainingSettings":
    """Return the settings of a training that sees at most `passes` patches, and at least one epoch.

    Args:
        patch_set: The data set.
        passes: Largest number of patches that one training sees; an epoch counts every patch once.
        size: Network size in px.
    """
    from bench.record.profiles import profile
    from cellbench.training.configuration import TrainingSettings

    return TrainingSettings(
        epochs=n_epochs(patch_set, passes),
        batch_size=profile("cpu", False).batch_size,
        network_size=size,
        threads=1,
        probe=PROBE,
    )


def n_training(patch_set: "PatchSet") -> int:
    """Return the number of patches of an epoch: the pool without the fold that a training leaves out."""
    from cellbench.trials.job import N_POOL_FOLDS

    return len(patch_set.rows("pool")) * (N_POOL_FOLDS - 1) // N_POOL_FOLDS


def n_epochs(patch_set: "PatchSet", passes: int) -> int:
    """Return the number of epochs in which a training sees at most `passes` patches, at least 1."""
    return max(1, passes // n_training(patch_set))


def make_job(
    patch_set: "PatchSet",
    method: str,
    params: dict[str, float | bool | str],
    settings: "TrainingSettings",
    seed: int,
    folder: Path,
) -> "TrialJob":
    """Return the job of one training. Its files go into a sub-folder of `folder`.

    Args:
        patch_set: The data set.
        method: Name of the suppression.
        params: Hyperparameters of the suppression, lengths in native px.
        settings: Settings that all trainings share.
        seed: Seed of the training.
        folder: Parent of the training's folder.
    """
    from cellbench.training.configuration import Configuration

    job = job_of(patch_set, Configuration(method=method, params=params, **FIXED), settings, seed)
    return job.model_copy(update={"directory": folder / f"{settings.network_size}px-{settings.epochs}epochs" / job.key})


def job_of(
    patch_set: "PatchSet", configuration: "Configuration", settings: "TrainingSettings", seed: int
) -> "TrialJob":
    """Return the job of one training. The caller names its folder.

    Args:
        patch_set: The data set.
        configuration: Method and hyperparameters, lengths in native px.
        settings: Settings of the training.
        seed: Seed of the training.
    """
    from bench.home.paths import cache_dir
    from cellbench.trials.job import TrialJob

    return TrialJob(
        dataset=patch_set.path,
        fingerprint=patch_set.card.fingerprint,
        cache=cache_dir(),
        directory=Path("unnamed"),
        configuration=configuration,
        settings=settings,
        seed=seed,
    )


def train(job: "TrialJob") -> dict[str, float]:
    """Run one training from start to end and return its final metrics. A finished training is not run again."""
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
    """Run jobs in worker processes and yield each job with its result, in order of completion.

    Args:
        jobs: The jobs.
        processes: Number of worker processes. None: one for each available core. 1: the jobs run in this process.
        work: Function of a job that returns its result. It must be picklable.
    """
    if processes == 1:
        yield from ((job, work(job)) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes or len(os.sched_getaffinity(0)), context) as pool:
        running = {pool.submit(work, job): job for job in jobs}
        for done in as_completed(running):
            yield running[done], done.result()


def table_key(job: "TrialJob") -> str:
    """Return a hash of 12 hexadecimal digits over everything that decides the numbers of a training.

    Fields with their defaults are left out, so that a field that is added later changes no key.
    """
    own = {name: getattr(job, name) for name in ("configuration", "settings")}
    identity = job.identity | {
        name: value.model_dump(mode="json", exclude_defaults=True) for name, value in own.items()
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


class Measured:
    """A table of finished trainings in a CSV file, one row for each. They are not run again, on any machine.

    Columns: `key` of the training, data set, method, seed, hyperparameters (lengths in native px), settings and all
    final metrics. `cost/pixels` is the number of patches × pixels that the training passed through the network.

    Args:
        path: The CSV file. It is created with the first row. None keeps the table in memory.

    Raises:
        SettingError: The path is a folder, a pipe or a device, or another file than such a table.
    """

    def __init__(self, path: Path | None) -> None:
        import pandas as pd

        from cellbench.errors import SettingError

        if path is not None and path.exists() and not path.is_file():
            raise SettingError(
                f"{path} is not a regular file; name another, because the table is read when work resumes."
            )
        self._path = path
        self.frame = pd.DataFrame({"key": []})
        if path is not None and path.exists():
            try:
                self.frame = pd.read_csv(path)
            except (ValueError, OSError) as error:  # of pandas: empty, not UTF-8, or rows of unlike length
                raise SettingError(f"{path} is not a table of trainings ({error}); name another file.") from None
            if "key" not in self.frame:
                raise SettingError(f"{path} is not a table of trainings (it has no column `key`); name another file.")

    def lacks(self, job: "TrialJob") -> bool:
        """Return whether a training is missing from the table."""
        return table_key(job) not in set(self.frame["key"])

    def add(self, job: "TrialJob", metrics: Mapping[str, float], **more: Any) -> None:
        """Add the row of a training and write the file.

        Args:
            job: The training.
            metrics: Final metrics of the training.
            more: Values of further columns.
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
