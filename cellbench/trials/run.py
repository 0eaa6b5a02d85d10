"""One trial: which patches it trains on, when it is scored, and the files that it writes."""

import json
import time
from pathlib import Path

import numpy as np
import torch

from cellbench.patches import DataGuard
from cellbench.patches.contour_mask import contour_masked
from cellbench.patches.folds import pool_folds
from cellbench.patches.patchset import PatchSet
from cellbench.scores.base import Moment, ScoreContext, all_scores
from cellbench.scores.metrics import all_metrics, check_known, find_metric
from cellbench.suppression import build_suppression
from cellbench.threads import use_threads
from cellbench.training.trainer import Trainer
from cellbench.trials.files import read_result, save_reconstructed, write_encoder, write_result
from cellbench.trials.job import N_POOL_FOLDS, TrialJob

N_DRAWN = 8
"""Patches in the figure of reconstructions."""


def training_rows(patch_set: PatchSet, fold: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the pool that a trial trains on, and the rows that it leaves out.

    Args:
        patch_set: The data set.
        fold: Fifth of the pool that is left out; None trains on the whole pool.
    """
    pool = patch_set.rows("pool")
    if fold is None:
        return pool, pool[:0]
    train, unseen = pool_folds(patch_set.groups(pool), n_folds=N_POOL_FOLDS)[fold]
    return pool[train], pool[unseen]


def thinned(rows: np.ndarray, share: float) -> np.ndarray:
    """Return a random share of rows, at least one, in their order. The draw is the same for every call.

    Args:
        rows: Rows, shape (N,).
        share: Share of the rows to keep, in 0–1.
    """
    n = max(1, round(share * len(rows)))
    return rows if n == len(rows) else np.sort(np.random.default_rng(0).permutation(rows)[:n])


class TrialRun:
    """Runs a trial, one epoch at a time.

    Args:
        job: The trial.
        device: Device that trains.

    Raises:
        ChangedDataError: The data set is missing, damaged, or is not that of the job.
    """

    def __init__(self, job: TrialJob, device: torch.device) -> None:
        use_threads(job.settings.threads)
        self.job, self.device = job, device
        self._guard = DataGuard(job.dataset_identity, job.cache)
        self.patch_set = self._guard.patch_set
        with self._guard.unchanged():
            self._prepare()
        self._seconds = 0.0
        self._scores = [score() for score in all_scores()]
        self._rung = {metric.name: metric.initial for metric in all_metrics() if metric.initial is not None}
        self._final: ScoreContext | None = None
        self._embeddings: dict[str, np.ndarray] = {}

    def _prepare(self) -> None:
        job = self.job
        train, unseen = training_rows(self.patch_set, job.fold)
        self._train = thinned(train, job.pool_share)
        self._unseen = np.random.default_rng(0).permutation(unseen)
        self.source = self._source_patches()
        self.trainer = Trainer(
            job.configuration,
            job.settings,
            self.source,
            self._train,
            self.patch_set.card.native_size,
            job.seed,
            self.device,
        )

    @staticmethod
    def finished(job: TrialJob) -> dict[str, float] | None:
        """Return the metrics of this very trial if it was finished before, else None."""
        return read_result(job.directory, job.identity)

    @property
    def done(self) -> bool:
        """Whether the trial had its full budget."""
        return self.trainer.epoch >= self.job.settings.epochs

    def step(self) -> dict[str, float]:
        """Train one epoch and return its metrics, under the names of the table of metrics.

        Every epoch returns the last value of each metric that is measured at rungs. The last epoch also returns the
        final scores. Undefined values are left out, so that no value is NaN or infinite.

        Raises:
            TrainingError: The loss became infinite or NaN.
            NotFoundError: A score returned a metric that the table of metrics does not have.
            ChangedDataError: The data set changed in this epoch; `save` must not be called any more.
        """
        with self._guard.unchanged():
            metrics = self._step()
        metrics["epoch"] = float(self.trainer.epoch)
        return {name: value for name, value in metrics.items() if np.isfinite(value)}

    def _step(self) -> dict[str, float]:
        start = time.perf_counter()
        metrics = self.trainer.run_epoch()
        if self.done:
            self._final = self._context("end")
            metrics |= self._scored(self._final)
            self._embed_for_later(self._final)
        else:
            metrics |= self._scored(self._context("epoch"))
            if self.trainer.epoch in self.job.rungs:
                metrics |= self._scored(self._context("rung"))
        self._seconds += time.perf_counter() - start
        if self.done:
            metrics["cost/seconds"] = self._seconds
            metrics["cost/patches"] = float(self.trainer.epoch * len(self._train))
        metrics |= self._rung
        check_known(metrics)
        return metrics

    def save(self, directory: Path) -> None:
        """Write a checkpoint into a folder."""
        self.trainer.save(directory / "trainer.pt")
        (directory / "progress.json").write_text(json.dumps({"seconds": self._seconds, "rung": self._rung}))

    def restore(self, directory: Path) -> None:
        """Continue from a checkpoint.

        Raises:
            TrainingError: The checkpoint is damaged or belongs to another trial.
        """
        self.trainer.load(directory / "trainer.pt")
        progress = json.loads((directory / "progress.json").read_text())
        self._seconds, self._rung = progress["seconds"], progress["rung"]

    def finish(self, metrics: dict[str, float]) -> None:
        """Write the trial's files. The result is written last: a trial with a result counts as finished.

        Args:
            metrics: What the last `step` returned.

        Raises:
            ChangedDataError: The data set changed. No result is written.
        """
        with self._guard.unchanged():
            self._write_files()
        write_result(self.job.directory, self.job, metrics)

    def _write_files(self) -> None:
        assert self._final is not None, "a trial is finished after its last epoch"
        directory = self.job.directory
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "embeddings.npz").open("wb") as file:
            np.savez(file, **self._embeddings)  # type: ignore[arg-type]
        shown = self._unseen if len(self._unseen) else self._final.labelled_rows
        shown = np.sort(np.random.default_rng(0).permutation(shown)[:N_DRAWN])
        save_reconstructed(directory, self.job, self.trainer, self.patch_set, self.source, shown)
        for score in self._scores:
            score.draw(self._final, directory)
        if self.job.keep_encoder:
            write_encoder(directory, self.job, self.trainer.model, self.trainer.suppression, self.patch_set.card)

    def _source_patches(self) -> np.ndarray:
        configuration, settings = self.job.configuration, self.job.settings
        size = build_suppression(
            configuration.method,
            dict(configuration.params),
            self.patch_set.card.native_size,
            settings.network_size,
            configuration.latent_dim,
        ).source_size
        if self.job.stage == "oracle":
            return contour_masked(self.patch_set, size, self.job.cache)
        return self.patch_set.resized(size, self.job.cache)

    def _context(self, moment: Moment) -> ScoreContext:
        return ScoreContext(
            moment,
            self.trainer.model,
            self.trainer.suppression,
            self.patch_set,
            self.source,
            self._unseen,
            self.job.settings.views,
            self.device,
            self.job.seed if self.job.settings.representation == "sample" else None,
            self.job.settings.probe,
        )

    def _scored(self, context: ScoreContext) -> dict[str, float]:
        """Return the metrics of all scores at a moment; those of rungs are kept for the epochs that follow."""
        found: dict[str, float] = {}
        for score in self._scores:
            if context.moment in score.moments:
                found |= score.compute(context)
        self._rung |= {name: value for name, value in found.items() if find_metric(name).when == "rung"}
        return {name: value for name, value in found.items() if name not in self._rung}

    def _embed_for_later(self, context: ScoreContext) -> None:
        """Keep the embeddings that go to `embeddings.npz`: of labelled patches, after a search of the holdout too."""
        self._embeddings = {"labelled_rows": context.labelled_rows, "labelled": context.labelled_embeddings}
        if self.job.stage in ("final", "oracle"):
            holdout = self.patch_set.rows("holdout")
            self._embeddings |= {"holdout_rows": holdout, "holdout": context.represent(holdout)}
