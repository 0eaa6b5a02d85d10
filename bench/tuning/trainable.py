"""One trial as Ray Tune sees it: a step is an epoch, and an error in a trial is a result of the trial."""

import faulthandler
import gc
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Trainable
from ray.tune.result import DONE, TRAINING_ITERATION

from bench.record.trial import TrialFolder
from bench.space.objectives import OBJECTIVES
from bench.terminal.formatting import duration
from bench.tuning.config import OBJECTIVE, OUTCOME, REASON, REMARK, TrialConfig
from cellbench.disk import explained
from cellbench.errors import CellbenchError, StoreError, TrainingError

if TYPE_CHECKING:
    from cellbench.trials.job import TrialJob
    from cellbench.trials.run import TrialRun


@contextmanager
def _deadline(seconds: float, path: Path) -> Iterator[None]:
    """End this process if the block takes longer than a limit, and write the traceback to a file.

    The timer runs outside the Python interpreter, so it also ends code that never returns to Python. Ray restarts the
    trial, and the second start finds the file.

    Args:
        seconds: The limit.
        path: The file for the traceback; removed when the block ends in time.

    Raises:
        TrainingError: An earlier start of the trial hung.
        StoreError: The file cannot be written.
    """
    if path.exists() and path.stat().st_size > 0:
        raise TrainingError(f"an epoch took longer than {duration(seconds)}; its traceback is in {path}")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        faulthandler.dump_traceback_later(seconds, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            path.unlink(missing_ok=True)


class TrialTrainable(Trainable):  # type: ignore[misc,unused-ignore]
    """Trains the trial of its configuration, and is reused for the next trial.

    The checkpoint of a trial is in the trial's own folder and not in Ray's. A trial therefore resumes from it after its
    worker or its driver died.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Prepare for a trial.

        The trainer is imported here: the time limit of an epoch does not include imports, which take long on a busy
        machine. They leave no garbage, and to look for some would take a fifth of their time.
        """
        gc.disable()
        try:
            import timm  # noqa: F401 - imported by the first encoder

            import cellbench.trials.run  # noqa: F401
        finally:
            gc.enable()

        self._prepare(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Prepare for the next trial in the same process."""
        self._prepare(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch and return its report.

        An error in a trial is reported with its reason, because the same training would fail again. Only the death of
        the process is left to Ray, which restarts the trial. A full disk is not the trial's fault: the trial is
        reported as interrupted, its checkpoint stays, and it can be resumed.
        """
        try:
            with _deadline(self._config.settings.timeout_s, self._folder.hang_path):
                return self._step()
        except StoreError as error:
            return {**self._report({}, self._next_epoch, "interrupted"), REASON: str(error)}
        except CellbenchError as error:
            return self._failed(str(error))
        except Exception as error:
            self._folder.write_error(traceback.format_exc())
            return self._failed(f"{type(error).__name__}: {error} (traceback in {self._folder.error_path})")

    def _prepare(self, config: dict[str, Any]) -> None:
        self._config = TrialConfig.model_validate(config["trial"])
        self._folder = TrialFolder(Path(self._config.job["directory"]))
        self._trial: TrialRun | None = None
        self._saved = time.monotonic()

    def _step(self) -> dict[str, Any]:
        from cellbench.trials.job import TrialJob
        from cellbench.trials.run import TrialRun

        job = TrialJob.model_validate(self._config.job)
        remarks: list[str] = []
        if self._trial is None:
            stored = TrialRun.finished(job)
            if stored is not None:
                return self._report(stored, job.settings.epochs, "completed")
            self._trial, remarks = self._begin(job)
        run = self._trial
        metrics = run.step()
        epoch = int(metrics["epoch"])
        if not run.done:
            if epoch in job.rungs or time.monotonic() - self._saved > self._config.settings.checkpoint_s:
                self._save(run)
            return self._report(metrics, epoch) | ({REMARK: "; ".join(remarks)} if remarks else {})
        with explained(job.directory):
            run.finish(metrics)
        self._folder.remove_checkpoints()
        return self._report(metrics, epoch, "completed")

    def _begin(self, job: "TrialJob") -> "tuple[TrialRun, list[str]]":
        """Return the trial, restored from its newest intact checkpoint, and a message for each damaged one."""
        import torch

        from cellbench.trials.run import TrialRun

        device = torch.device("cuda" if self._config.settings.gpus > 0 and torch.cuda.is_available() else "cpu")
        damaged = []
        for checkpoint in self._folder.checkpoints():
            run = TrialRun(job, device)
            try:
                run.restore(checkpoint)
            except (TrainingError, OSError, ValueError, KeyError):  # the machine failed while it was written
                damaged.append(f"its checkpoint {checkpoint} is damaged and is not used")
                continue
            return run, damaged
        return TrialRun(job, device), damaged

    def _save(self, run: "TrialRun") -> None:
        with self._folder.replacing_checkpoint() as directory:
            run.save(directory)
        self._saved = time.monotonic()

    def _failed(self, reason: str) -> dict[str, Any]:
        epoch = self._next_epoch
        self._trial = None
        self._folder.remove_checkpoints()
        return {**self._report({}, epoch, "failed"), REASON: reason}

    @property
    def _next_epoch(self) -> int:
        return 1 if self._trial is None else self._trial.trainer.epoch + 1

    def _report(self, metrics: dict[str, float], epoch: int, outcome: str | None = None) -> dict[str, Any]:
        report = {
            **metrics,
            OBJECTIVE: OBJECTIVES.get(self._config.settings.objective).in_progress(metrics),
            TRAINING_ITERATION: epoch,
            DONE: outcome is not None,
        }
        return report if outcome is None else {**report, OUTCOME: outcome}
