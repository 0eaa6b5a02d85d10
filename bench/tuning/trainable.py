"""One trial as Ray Tune sees it: an epoch is a step, a stored result is given back at once, a mistake is no crash."""

import faulthandler
import shutil
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Trainable
from ray.tune.result import DONE, TRAINING_ITERATION

from bench.space.objectives import OBJECTIVES
from bench.terminal.formatting import duration
from bench.tuning.config import OBJECTIVE, OUTCOME, REASON, REMARK, TrialConfig
from cellbench.disk import explained
from cellbench.errors import CellbenchError, StoreError, TrainingError

if TYPE_CHECKING:
    from cellbench.trials.run import TrialRun

CHECKPOINT = "checkpoint"
HUNG = "hung.txt"


@contextmanager
def _deadline(seconds: float, path: Path) -> Iterator[None]:
    """End this process if the block takes longer; where it hung is then in the file.

    The clock runs outside Python, so it also ends what never comes back to it. Ray starts the trial anew, which finds
    the file.

    Raises:
        TrainingError: This is the second start.
    """
    if path.exists() and path.stat().st_size > 0:
        raise TrainingError(f"an epoch took longer than {duration(seconds)}; where it hung is in {path}")
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
    """Runs the trial that its configuration describes; the process is kept for the next trial.

    A trial's checkpoint lies in its own folder, not in Ray's: whoever starts the trial again, after a dead worker or
    a dead driver, goes on from it.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Take on a trial."""
        self._take_on(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take on the next trial in the same process."""
        self._take_on(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch.

        What goes wrong in a trial is its result, with the reason: trained again, it would go wrong again. Only the
        death of the process is left to Ray, which starts the trial anew. A disk that is full is not the trial's fault:
        its checkpoint stays, and it can go on.
        """
        try:
            with _deadline(self._config.terms.timeout_s, self._directory / HUNG):
                return self._step()
        except StoreError as error:
            return {**self._report({}, self._next_epoch, "interrupted"), REASON: str(error)}
        except CellbenchError as error:
            return self._failed(str(error))
        except Exception as error:
            trace = traceback.format_exc()
            (self._directory / "error.txt").write_text(trace, encoding="utf-8")
            return self._failed(f"{type(error).__name__}: {error} (trace in {self._directory / 'error.txt'})")

    def _take_on(self, config: dict[str, Any]) -> None:
        self._config = TrialConfig.model_validate(config["trial"])
        self._directory = Path(self._config.job["directory"])
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
            if epoch in job.rungs or time.monotonic() - self._saved > self._config.terms.checkpoint_s:
                self._save(run, job.directory)
            return self._report(metrics, epoch) | ({REMARK: "; ".join(remarks)} if remarks else {})
        with explained(job.directory):
            run.finish(metrics)
        shutil.rmtree(job.directory / CHECKPOINT, ignore_errors=True)
        return self._report(metrics, epoch, "completed")

    def _begin(self, job: Any) -> "tuple[TrialRun, list[str]]":
        """Return the trial, restored from its newest whole checkpoint, and what is to be said of damaged ones."""
        import torch

        from cellbench.trials.run import TrialRun

        device = torch.device("cuda" if self._config.terms.gpus > 0 and torch.cuda.is_available() else "cpu")
        damaged = []
        for name in (CHECKPOINT, f"{CHECKPOINT}.old"):
            if (job.directory / name).is_dir():
                run = TrialRun(job, device)
                try:
                    run.restore(job.directory / name)
                except (TrainingError, OSError, ValueError, KeyError):
                    # Half of it was written when the machine went down: the other, or from the start.
                    damaged.append(f"its checkpoint {job.directory / name} is damaged and is not used")
                    continue
                return run, damaged
        return TrialRun(job, device), damaged

    def _save(self, run: "TrialRun", directory: Path) -> None:
        """Replace the checkpoint; at every moment there is a whole one."""
        new, now, old = (directory / f"{CHECKPOINT}{suffix}" for suffix in (".new", "", ".old"))
        shutil.rmtree(new, ignore_errors=True)
        try:
            with explained(directory):
                new.mkdir(parents=True)
                run.save(new)
                if now.exists():
                    shutil.rmtree(old, ignore_errors=True)
                    now.rename(old)
                new.rename(now)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        self._saved = time.monotonic()

    def _failed(self, reason: str) -> dict[str, Any]:
        epoch = self._next_epoch
        self._trial = None
        shutil.rmtree(self._directory / CHECKPOINT, ignore_errors=True)
        return {**self._report({}, epoch, "failed"), REASON: reason}

    @property
    def _next_epoch(self) -> int:
        return 1 if self._trial is None else self._trial.trainer.epoch + 1

    def _report(self, metrics: dict[str, float], epoch: int, outcome: str | None = None) -> dict[str, Any]:
        found = {
            **metrics,
            OBJECTIVE: OBJECTIVES.get(self._config.terms.objective).in_progress(metrics),
            TRAINING_ITERATION: epoch,
            DONE: outcome is not None,
        }
        return found if outcome is None else {**found, OUTCOME: outcome}
