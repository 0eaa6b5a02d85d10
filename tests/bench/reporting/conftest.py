"""A finished search on `discs` that was written, not trained: two methods, folds, fresh seeds, floors and a ceiling."""

import numpy as np
import pytest
from conftest import draw_discs

from bench.record.folder import SearchFolder
from bench.record.jobs import Jobs, record_of
from bench.record.summary import Row, Summary
from bench.space.objectives import OBJECTIVES
from bench.statistics.radius_range import response
from cellbench.patches.write import write_patch_set
from cellbench.scores.confusions import Confusions, write_all
from cellbench.trials.figures import save_reconstructions

HOSTILE = {"large": "<img src=x onerror=alert(1)>", "red": "</script><b>$x_1$", "small": "a\x1b[31m\u202e\u00e9"}
"""Names of classes that a page, a figure or a terminal could read as something else."""


@pytest.fixture(scope="session")
def hostile_discs(tmp_path_factory):
    """The data set `discs` with names of classes that are hostile."""
    patches, masks, index = draw_discs()
    index["label"] = index["label"].map(HOSTILE)
    folder = tmp_path_factory.mktemp("hostile") / "discs"
    return write_patch_set(folder, patches=patches, masks=masks, index=index, name="discs", um_per_px=0.5, seed=0)


@pytest.fixture(scope="session")
def picture(discs, tmp_path_factory):
    """The bytes of a figure of reconstructions."""
    path = tmp_path_factory.mktemp("picture") / "reconstructions.png"
    shown = discs.patches[:4] / 255
    save_reconstructions(path, shown, shown, np.ones(shown.shape[:3]), None, "a trial")
    return path.read_bytes()


@pytest.fixture
def write_finished(home, make_request, picture):
    """Return a function that writes a finished search on a data set, and returns its folder."""

    def write(patch_set, name="s", **changes):
        folder = SearchFolder(home / "searches" / name)
        identity = {"dataset_path": patch_set.path, "fingerprint": patch_set.card.fingerprint}
        request = make_request("mask_fixed", "vae", name=name, n_folds=3, n_seeds=3, **identity, **changes)
        request.write(folder)
        _Writer(folder, request, patch_set, picture).write()
        return folder

    return write


class _Writer:
    def __init__(self, folder, request, patch_set, picture):
        self.folder, self.request, self.patch_set, self.picture = folder, request, patch_set, picture
        self.jobs, self.rng, self.records = Jobs(request, folder), np.random.default_rng(0), []

    def write(self):
        chosen = {}
        for space in self.request.spaces:
            radii = (6, 8, 10, 12, 14, 17) if space.method == "mask_fixed" else (0,)
            for number, radius in enumerate(radii):
                changed = {"lr": 0.001 + number / 10_000} | ({"r_max": float(radius)} if radius else {})
                configuration = space.configuration(space.grid_points()[0] | changed)
                self._complete(self.jobs.search(configuration), number, radius)
                if radius in (0, 12):
                    chosen[space.method] = configuration
        folds = [job for fold in (1, 2) for job in self.jobs.on_fold(list(chosen.values()), fold)]
        finals = self.jobs.final(list(chosen.values()))
        for stage in (folds, finals):
            for number, job in enumerate(stage):
                self._complete(job, number, 12 if job.configuration.method == "mask_fixed" else 0)
        self._summarise(chosen)

    def _complete(self, job, number, radius):
        record = record_of(job, number)
        f1 = 0.62 - 0.001 * (radius - 12) ** 2 + self.rng.normal(0, 0.004) - (0.06 if radius == 0 else 0)
        record.outcome, record.epoch, record.ended = "completed", record.epochs, record.started + 30 + number
        of_classes = {f"probe/f1/{name}": f1 + 0.1 * n - 0.1 for n, name in enumerate(self.patch_set.card.classes)}
        record.metrics = {"probe/f1_macro": f1, "cost/seconds": 30.0 + number, "cost/patches": 900.0} | of_classes
        if record.fold is not None:
            ssim, leakage = 0.4 + 0.3 * (0.7 - f1) + self.rng.normal(0, 0.004), 0.9 - f1
            record.metrics |= {
                "val/ssim_cell": ssim,
                "val/l1_cell": 0.12,
                "val/l1_core": 0.09,
                "latent/leakage": leakage,
            }
        self.folder.write(record)
        self.records.append(record)
        directory = self.folder.trial(record.key).directory
        rows = self.patch_set.rows("labelled")
        codes = self.patch_set.labels(rows)
        embeddings = self.rng.normal(0, 1, (len(rows), 8)) + 3 * np.eye(8)[codes]
        np.savez(directory / "embeddings.npz", labelled_rows=rows, labelled=embeddings.astype(np.float32))
        (directory / "reconstructions.png").write_bytes(self.picture)
        Confusions(tuple(self.patch_set.card.classes), self._counts(codes, f1)).write(directory / "confusion.json")

    def _counts(self, codes, f1):
        """Return a confusion matrix in which a share of each class is right, and errors are the next class."""
        right = np.round(np.bincount(codes) * f1).astype(int)
        return (np.diag(right) + np.roll(np.diag(np.bincount(codes) - right), 1, axis=1))[None]

    def _summarise(self, chosen):
        rows = []
        for method, configuration in chosen.items():
            own = [r.metrics["probe/f1_macro"] for r in self.records if r.method == method and r.stage == "final"]
            tried = sum(r.method == method and r.stage == "search" for r in self.records)
            rows.append(
                Row(
                    kind="method", name=method, configuration=configuration.id, params=configuration.flat(),
                    f1_macro=float(np.mean(own)), f1_std=float(np.std(own, ddof=1)), n_seeds=len(own),
                    few_labels={5: 0.4, 20: 0.5}, scores={"val/ssim_cell": 0.42}, n_trials=tried, n_completed=tried,
                    share=0.7 if method == "mask_fixed" else 0.1, seconds=300.0, holdout=0.6, holdout_low=0.5,
                    holdout_high=0.7, holdout_interval="95 % interval 0.500 to 0.700",
                )
            )  # fmt: skip
        rows += [
            Row(kind="floor", name="pca", f1_macro=0.55, f1_std=0.02, share=0.0),
            Row(kind="floor", name="random", f1_macro=0.41, f1_std=0.02, n_seeds=3, share=-1.4),
            Row(kind="ceiling", name="oracle", f1_macro=0.65, f1_std=0.01, n_seeds=3, share=1.0, lead=0.1,
                lead_interval="95 % interval 0.05 to 0.15"),
        ]  # fmt: skip
        counts = self._counts(self.patch_set.labels(self.patch_set.rows("labelled")), 0.55)
        floor = Confusions(tuple(self.patch_set.card.classes), counts)
        write_all(self.folder.confusions_path, {"floor pca": floor, "floor random": floor})
        space = self.request.spaces[0]
        best = chosen["mask_fixed"]
        found = response(self.records, space, OBJECTIVES.get("f1"), best.id, best.flat())
        Summary(
            search=self.request.name, dataset=self.request.dataset, winner="mask_fixed", rows=rows, importances={},
            n_holdout=9, look=1, notes=["Written for a test."], final={}, seconds=60.0, response=found,
        ).write(self.folder)  # fmt: skip
