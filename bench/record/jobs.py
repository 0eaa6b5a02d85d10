"""The trainings of a search, as jobs for workers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.home.paths import cache_dir
from bench.record.folder import SearchFolder
from bench.record.request import SEARCH_FOLD, Request
from bench.record.trial import TrialRecord
from bench.space.space import COMMON
from cellbench.training.configuration import Configuration

if TYPE_CHECKING:
    from cellbench.trials.job import TrialJob


class Jobs:
    """Makes the jobs of a search.

    Args:
        request: The request of the search.
        folder: The folder of the search.
    """

    def __init__(self, request: Request, folder: SearchFolder) -> None:
        self.request, self.directory = request, folder.directory
        self._folder = folder
        self._cache = cache_dir()

    def search(self, configuration: Configuration) -> "TrialJob":
        """Return the training that tries a configuration in the stage `search`."""
        return self._job(configuration, "search", SEARCH_FOLD, self.request.seed, self.request.rungs)

    def on_fold(self, configurations: Sequence[Configuration], fold: int) -> list["TrialJob"]:
        """Return one training per finalist, with one fifth of the pool left out.

        Args:
            configurations: The finalists.
            fold: The fifth that is left out, from 0.
        """
        return [self._job(configuration, "folds", fold, self.request.seed) for configuration in configurations]

    def protocol(self) -> list["TrialJob"]:
        """Return the trainings of a reproduction: every configuration on every fold, `n_seeds` times.

        Each fold has seeds of its own. A seed that acted alike on all folds would make their scores more alike than
        the comparison of methods assumes.
        """
        first, n_seeds = self.request.final_seeds()[0], self.request.n_seeds
        return [
            self._job(each.configuration, "protocol", fold, first + fold * n_seeds + number)
            for number in range(n_seeds)
            for fold in range(self.request.n_folds)
            for each in self.request.protocol
        ]

    def final(self, configurations: Sequence[Configuration]) -> list["TrialJob"]:
        """Return the trainings of winners on the whole pool, one per winner and fresh seed."""
        seeds = self.request.final_seeds()
        return [self._job(c, "final", None, seed, keep=True) for seed in seeds for c in configurations]

    def oracle(self, configuration: Configuration) -> list["TrialJob"]:
        """Return the training of the ceiling: on patches masked by their contour, with the first fresh seed."""
        return [self._job(configuration, "oracle", None, self.request.final_seeds()[0])]

    def of_record(self, record: TrialRecord) -> "TrialJob":
        """Return the job of a trial that was started."""
        rungs = self.request.rungs if record.stage == "search" else ()
        keep = record.stage == "final"
        return self._job(configuration_of(record), record.stage, record.fold, record.seed, rungs, keep)

    def _job(
        self,
        configuration: Configuration,
        stage: str,
        fold: int | None,
        seed: int,
        rungs: Sequence[int] = (),
        keep: bool = False,
    ) -> "TrialJob":
        from cellbench.trials.job import TrialJob

        values = {
            "dataset": self.request.dataset_path,
            "fingerprint": self.request.fingerprint,
            "cell_radius_px": self.request.cell_radius_px,
            "cache": self._cache,
            "directory": Path("unnamed"),
            "configuration": configuration,
            "settings": self.request.settings.model_copy(update={"network_size": self.request.size_at(stage)}),
            "stage": stage,
            "fold": fold,
            "pool_share": self.request.pool_share_at(stage),
            "seed": seed,
            "rungs": tuple(rungs),
            "keep_encoder": keep,
        }
        key = TrialJob.model_validate(values).key
        return TrialJob.model_validate({**values, "directory": self._folder.trial(key).directory})


def record_of(job: "TrialJob", number: int) -> TrialRecord:
    """Return the record of a trial that starts now.

    Args:
        job: The job of the trial.
        number: Position of the trial in its stage, from 0.
    """
    return TrialRecord(
        key=job.key,
        number=number,
        stage=job.stage,
        method=job.configuration.method,
        configuration=job.configuration.id,
        params=job.configuration.flat(),
        fold=job.fold,
        seed=job.seed,
        epochs=job.settings.epochs,
    )


def configuration_of(record: TrialRecord) -> Configuration:
    """Return the configuration of a trial."""
    common = {name: record.params[name] for name in COMMON}
    params = {name: value for name, value in record.params.items() if name not in common}
    return Configuration.model_validate({"method": record.method, "params": params, **common})
