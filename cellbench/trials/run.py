"""One trial: what is trained on which patches, how it is scored, and what it leaves behind."""

import json
import time
from pathlib import Path

import numpy as np
import torch

from cellbench.models import AutoEncoder
from cellbench.patches.contour_mask import contour_masked
from cellbench.patches.folds import pool_folds
from cellbench.patches.patchset import PatchSet
from cellbench.scores.cell_content import cell_content
from cellbench.scores.classification import ProbeScores, cross_validate
from cellbench.scores.latent import active_units, effective_rank
from cellbench.scores.leakage import leakage
from cellbench.scores.reconstruction import reconstruction_scores
from cellbench.suppression import Suppression
from cellbench.training.embedding import embed
from cellbench.training.trainer import Trainer
from cellbench.trials.files import read_result, save_confused, save_reconstructed, write_encoder, write_result
from cellbench.trials.job import N_POOL_FOLDS, TrialJob

SCORED_EACH_EPOCH = 16
"""Unseen patches whose reconstruction is scored after each epoch; at the end it is `SCORED_AT_END`."""
SCORED_AT_END = 128
LATENT_SAMPLE = 256
"""Unseen patches from which rank and activity of the latent are read."""
CONTENT_AT_RUNG = 128
"""Unseen patches that a rung's `cell_content` is read from, in two views at most."""
PROBE_SEEDS = (0, 1, 2)
RUNG_SEEDS = (0,)
"""A rung is scored by one probe seed: it ranks trials, it is not a result."""


Cells = tuple[AutoEncoder, Suppression, np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, torch.device]


def training_rows(patch_set: PatchSet, fold: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the pool that a trial trains on, and those that it never sees.

    Args:
        patch_set: The data set.
        fold: Which fifth of the pool is left out; None trains on the whole pool.
    """
    pool = patch_set.rows("pool")
    if fold is None:
        return pool, pool[:0]
    train, unseen = pool_folds(patch_set.groups(pool), n_folds=N_POOL_FOLDS)[fold]
    return pool[train], pool[unseen]


def thinned(rows: np.ndarray, share: float) -> np.ndarray:
    """Return a drawn share of rows, in their order, at least one; the same draw each time."""
    n = max(1, round(share * len(rows)))
    return rows if n == len(rows) else np.sort(np.random.default_rng(0).permutation(rows)[:n])


class TrialRun:
    """Runs a job, an epoch at a time.

    Args:
        job: What to do.
        device: Where to train.
    """

    def __init__(self, job: TrialJob, device: torch.device) -> None:
        if job.settings.threads is not None:
            torch.set_num_threads(job.settings.threads)
        self.job, self.device = job, device
        self.patch_set = PatchSet.open(job.dataset)
        train, unseen = training_rows(self.patch_set, job.fold)
        self._train = thinned(train, job.pool_share)
        self._unseen = np.random.default_rng(0).permutation(unseen)
        self._labelled = self.patch_set.rows("labelled")
        self.source = self._source_patches()
        self.trainer = Trainer(
            job.configuration,
            job.settings,
            self.source,
            self._train,
            self.patch_set.card.native_size,
            job.seed,
            device,
        )
        self._seconds = 0.0
        self._rung = {"rung/f1_macro": 0.0}
        self._final: tuple[ProbeScores, dict[str, float]] | None = None
        self._embeddings: dict[str, np.ndarray] = {}

    @staticmethod
    def finished(job: TrialJob) -> dict[str, float] | None:
        """Return the metrics of this very job if it was finished before, else None."""
        return read_result(job.directory, job.identity)

    @property
    def done(self) -> bool:
        """Whether the trial had its full budget."""
        return self.trainer.epoch >= self.job.settings.epochs

    def step(self) -> dict[str, float]:
        """Train one epoch; return its metrics, under the names that MLflow shows.

        What is measured at rungs is in every answer: the last known value, macro F1 0 before the first. The answer to
        the last epoch holds the final scores too. No value is NaN or infinite: what is undefined is left out.

        Raises:
            TrainingError: The loss became infinite or NaN.
        """
        start = time.perf_counter()
        metrics = self.trainer.run_epoch()
        if not self.done:
            metrics |= self._unseen_scores(SCORED_EACH_EPOCH)
        if self.trainer.epoch in self.job.rungs and not self.done:
            self._rung["rung/f1_macro"] = self._probe(RUNG_SEEDS, peers=False).f1_macro
            if (cells := self._cells(CONTENT_AT_RUNG)) is not None:
                self._rung["rung/cell_content"] = cell_content(*cells, views=min(2, self.job.settings.views))
        if self.done:
            scores, final = self._score()
            self._final = scores, final
            self._rung["rung/f1_macro"] = scores.f1_macro
            metrics |= final
        self._seconds += time.perf_counter() - start
        if self.done:
            metrics["cost/seconds"] = self._seconds
            metrics["cost/patches"] = float(self.trainer.epoch * len(self._train))
        metrics |= self._rung | {"epoch": float(self.trainer.epoch)}
        return {name: value for name, value in metrics.items() if np.isfinite(value)}

    def save(self, directory: Path) -> None:
        """Write a checkpoint into a folder."""
        self.trainer.save(directory / "trainer.pt")
        (directory / "progress.json").write_text(json.dumps({"seconds": self._seconds, "rung": self._rung}))

    def restore(self, directory: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: It is damaged or belongs to another trial.
        """
        self.trainer.load(directory / "trainer.pt")
        progress = json.loads((directory / "progress.json").read_text())
        self._seconds, self._rung = progress["seconds"], progress["rung"]

    def finish(self, metrics: dict[str, float]) -> None:
        """Write the trial's files, the result last: with it the trial counts as finished.

        Args:
            metrics: What the last `step` returned.
        """
        assert self._final is not None, "a trial is finished once its last epoch was trained"
        directory = self.job.directory
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "embeddings.npz").open("wb") as file:
            np.savez(file, **self._embeddings)  # type: ignore[arg-type]
        shown = self._unseen if len(self._unseen) else self._labelled
        shown = np.sort(np.random.default_rng(0).permutation(shown)[:8])
        save_reconstructed(directory, self.job, self.trainer, self.patch_set, self.source, shown)
        save_confused(directory, self._final[0], self.patch_set.card.classes)
        if self.job.keep_encoder:
            write_encoder(directory, self.job, self.trainer.model, self.trainer.suppression, self.patch_set.card)
        write_result(directory, self.job, metrics)

    def _source_patches(self) -> np.ndarray:
        from cellbench.suppression import SUPPRESSIONS, build_suppression

        configuration, settings = self.job.configuration, self.job.settings
        SUPPRESSIONS.get(configuration.method)
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

    def _embed(self, rows: np.ndarray, views: int) -> np.ndarray:
        model, suppression = self.trainer.model, self.trainer.suppression
        return embed(model, suppression, self.source, rows, self.device, views=views)

    def _probe(self, seeds: tuple[int, ...], peers: bool) -> ProbeScores:
        self._embeddings = {
            "labelled_rows": self._labelled,
            "labelled": self._embed(self._labelled, self.job.settings.views),
        }
        return cross_validate(
            self._embeddings["labelled"],
            self.patch_set.labels(self._labelled),
            self.patch_set.groups(self._labelled),
            len(self.patch_set.card.classes),
            seeds,
            peers,
        )

    def _unseen_scores(self, n: int) -> dict[str, float]:
        rows = self._unseen[:n]
        if len(rows) == 0:
            return {}
        found = reconstruction_scores(
            self.trainer.model, self.trainer.suppression, self.patch_set, self.source, np.sort(rows), self.device
        )
        latent = self._embed(np.sort(self._unseen[:LATENT_SAMPLE]), views=1)  # the latent itself
        found["latent/effective_rank"] = effective_rank(latent)
        if self.trainer.model.variational:
            found["latent/active_units"] = float(active_units(latent))
        return found

    def _cells(self, n: int) -> "Cells | None":
        """Return what scores of the latent on unseen cells take; None where there are none or their size is unknown."""
        rows = np.sort(self._unseen[:n])
        radius = self.patch_set.radius_px(rows)
        if len(rows) == 0 or not np.isfinite(radius).all():
            return None
        groups, native = self.patch_set.groups(rows), self.patch_set.card.native_size
        return self.trainer.model, self.trainer.suppression, self.source, rows, groups, radius, native, self.device

    def _score(self) -> tuple[ProbeScores, dict[str, float]]:
        final = self._unseen_scores(SCORED_AT_END)
        scores = self._probe(PROBE_SEEDS, peers=True)
        final |= {
            "probe/f1_macro": scores.f1_macro,
            "probe/f1_std": scores.f1_std,
            "probe/accuracy": scores.accuracy,
            "probe/knn_f1_macro": scores.knn_f1_macro,
            "probe/linear_f1_macro": scores.linear_f1_macro,
        }
        classes = self.patch_set.card.classes
        final |= {f"probe/f1/{name}": float(f1) for name, f1 in zip(classes, scores.f1_by_class, strict=True)}
        cells = self._cells(LATENT_SAMPLE)
        if cells is not None:
            final["latent/leakage"] = leakage(*cells)
            final["latent/cell_content"] = cell_content(*cells, views=self.job.settings.views)
        if self.job.stage in ("final", "oracle"):
            holdout = self.patch_set.rows("holdout")
            self._embeddings |= {"holdout_rows": holdout, "holdout": self._embed(holdout, self.job.settings.views)}
        return scores, final
