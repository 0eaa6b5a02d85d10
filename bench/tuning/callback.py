"""Ray Tune's callback on the driver. It alone writes the search folder, MLflow and the terminal."""

import functools
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ray.tune import Callback
from ray.tune.result import NODE_IP, TRAINING_ITERATION

from bench.record.folder import SearchFolder
from bench.record.jobs import record_of
from bench.record.trial import TrialRecord
from bench.tuning.config import OUTCOME, REASON, REMARK, TrialConfig
from cellbench.errors import StoreError
from cellbench.scores.metrics import metrics_in

if TYPE_CHECKING:
    from bench.reporting.progress import ProgressView
    from bench.tracking.tracker import Tracker

M = TypeVar("M", bound=Callable[..., None])
PROCESS_DIED = (
    "ActorDiedError",
    "ActorUnavailableError",
    "RayActorError",
    "OutOfMemoryError",
    "worker process has died",
)
"""Texts in Ray's error of a trial that mean that its process died."""
BUDGET_USED = "the time budget was used up"
"""Reason of trials that the time budget ended."""


def _keep_error(method: M) -> M:
    """Keep the first error of a callback for `run_stage`, which ends the stage and raises it.

    Ray Tune would take some errors for a failure of the trial, and continue. After the first error nothing is recorded
    any more: trials that still run stay open, and are resumed with the search.
    """

    @functools.wraps(method)
    def wrapped(self: "SearchCallback", *args: Any, **kwargs: Any) -> None:
        if self.error is not None:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.error = error
            raise

    return wrapped  # type: ignore[return-value]


class SearchCallback(Callback):
    """Records the trials of one stage.

    Args:
        folder: The folder of the search.
        tracker: Writes the search to MLflow.
        view: Shows the progress on the terminal.

    Attributes:
        interrupted: Whether Ctrl-C was pressed.
        error: The first error of this callback; None if there was none.
    """

    def __init__(self, folder: SearchFolder, tracker: "Tracker", view: "ProgressView") -> None:
        self._folder, self._tracker, self._view = folder, tracker, view
        self._records: dict[str, TrialRecord] = {}
        self._known = {record.key: record for record in folder.records()}
        self.interrupted = False
        self.error: Exception | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Ray Tune pickles its callbacks to restore a run, which we never do.
        return Callback, ()

    def setup(self, **info: Any) -> None:
        """Called before the first trial. Installs a handler that notes Ctrl-C and then calls Ray Tune's handler."""
        if threading.current_thread() is not threading.main_thread():
            return
        handler = signal.getsignal(signal.SIGINT)

        def interrupt(number: int, frame: Any) -> None:
            self.interrupted = True
            self._view.stopping()
            if callable(handler):
                handler(number, frame)

        signal.signal(signal.SIGINT, interrupt)

    @_keep_error
    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called when a trial starts or resumes. Opens its record and its MLflow run."""
        from cellbench.trials.job import TrialJob

        config = TrialConfig.model_validate(trial.config["trial"])
        job = TrialJob.model_validate(config.job)
        record = (self._known.get(job.key) or record_of(job, config.number)).reopened()
        self._known[job.key] = self._records[trial.trial_id] = record
        self._folder.write(record)
        self._tracker.trial_started(record, self._folder.trial(record.key).history())
        self._view.trial_started(record)

    @_keep_error
    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Called after every epoch of a trial. Writes its metrics."""
        record = self._records[trial.trial_id]
        moved = bool(record.nodes) and record.nodes[-1] != result[NODE_IP]
        if moved or not record.nodes:
            record.nodes.append(result[NODE_IP])
            self._folder.write(record)
        metrics = metrics_in(result)
        if result.get(OUTCOME) in ("failed", "interrupted"):
            return
        record.epoch = int(result[TRAINING_ITERATION])
        record.metrics.update(metrics)
        entry = self._folder.trial(record.key).append_history(record.epoch, metrics)
        self._tracker.epoch(record, entry)
        self._view.epoch(record)
        if moved:
            self._view.moved(record)
        if remark := result.get(REMARK):
            self._view.remark(record, remark)

    @_keep_error
    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called after the last epoch of a trial that was completed, pruned at a rung, or reported that it failed."""
        if trial.trial_id not in self._records:
            return
        record = self._records[trial.trial_id]
        outcome = (trial.last_result or {}).get(OUTCOME, "pruned")
        if outcome == "interrupted":
            raise StoreError(trial.last_result[REASON])
        if outcome == "pruned":
            reason = f"not among the best at epoch {record.epoch} of {record.epochs}"
        else:
            reason = trial.last_result.get(REASON)
        self._end(record, outcome, reason)

    @_keep_error
    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called when Ray Tune gives up a trial, because its process died too often."""
        if trial.trial_id not in self._records:
            return
        record = self._records[trial.trial_id]
        text = Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else "Ray gives no reason"
        self._folder.trial(record.key).write_error(text)
        if any(name in text for name in PROCESS_DIED):
            reason = f"its process died {trial.num_failures} times; --concurrent 1 leaves it more memory"
        else:
            reason = [line.strip() for line in text.splitlines() if line.strip()][-1]
        self._end(record, "failed", reason)

    @_keep_error
    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Called when the stage ends. Trials that still run were ended by the time budget and are not resumed."""
        if not self.interrupted:
            for record in self._open():
                self._end(record, "pruned", BUDGET_USED)

    def close(self) -> None:
        """Mark the MLflow runs of trials that still run, after Ctrl-C or an error, as interrupted."""
        for record in self._open():
            self._tracker.interrupted(record)

    def _open(self) -> list[TrialRecord]:
        return [record for record in self._records.values() if record.outcome == "running"]

    def _end(self, record: TrialRecord, outcome: Any, reason: str | None) -> None:
        record.outcome, record.reason, record.ended = outcome, reason, time.time()
        trial = self._folder.trial(record.key)
        self._folder.write(record)
        self._tracker.trial_ended(record, trial.directory)
        self._view.trial_ended(record)
        trial.remove_checkpoints()
