"""Ray Tune's callback on the driver: writes the search folder, MLflow and the terminal, so that workers need none."""

import functools
import shutil
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
from bench.tuning.trainable import CHECKPOINT
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
TIME_IS_UP = "the time budget was used up"


def _kept(method: M) -> M:
    """Keep an error for `run_stage`, which raises it as it is; Ray Tune would wrap it in a traceback."""

    @functools.wraps(method)
    def wrapped(self: "SearchCallback", *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.error = self.error or error
            raise

    return wrapped  # type: ignore[return-value]


class SearchCallback(Callback):
    """Keeps the books of a stage.

    Args:
        folder: The search's folder.
        tracker: Its MLflow runs.
        view: What the terminal shows.

    Attributes:
        interrupted: Whether Ctrl-C was pressed.
        error: First error in keeping the books, if any.
    """

    def __init__(self, folder: SearchFolder, tracker: "Tracker", view: "ProgressView") -> None:
        self._folder, self._tracker, self._view = folder, tracker, view
        self._records: dict[str, TrialRecord] = {}
        self._known = {record.key: record for record in folder.records()}
        self.interrupted = False
        self.error: Exception | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Ray Tune pickles its callbacks for a restore that we never ask for.
        return Callback, ()

    def setup(self, **info: Any) -> None:
        """Hear of Ctrl-C before Ray Tune does."""
        if threading.current_thread() is not threading.main_thread():
            return
        handler = signal.getsignal(signal.SIGINT)

        def interrupt(number: int, frame: Any) -> None:
            self.interrupted = True
            self._view.stopping()
            if callable(handler):
                handler(number, frame)

        signal.signal(signal.SIGINT, interrupt)

    @_kept
    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Open a trial's record and its run."""
        from cellbench.trials.job import TrialJob

        config = TrialConfig.model_validate(trial.config["trial"])
        job = TrialJob.model_validate(config.job)
        record = self._known.get(job.key) or record_of(job, config.number)
        record = record.model_copy(update={"outcome": "running", "reason": None, "ended": None})
        self._known[job.key] = self._records[trial.trial_id] = record
        self._folder.write(record)
        self._tracker.trial_started(record, self._folder.history(record.key))
        self._view.trial_started(record)

    @_kept
    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Write an epoch."""
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
        entry = self._folder.append_history(record.key, record.epoch, metrics)
        self._tracker.epoch(record, entry)
        self._view.epoch(record)
        if moved:
            self._view.moved(record)
        if remark := result.get(REMARK):
            self._view.remark(record, remark)

    @_kept
    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Write the end of a trial that trained to its end, was stopped at a rung, or found itself failing."""
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

    @_kept
    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Write the end of a trial whose process died once too often."""
        if trial.trial_id not in self._records:
            return
        record = self._records[trial.trial_id]
        text = Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else "no reason is known"
        (self._folder.trial_directory(record.key) / "error.txt").write_text(text, encoding="utf-8")
        if any(name in text for name in PROCESS_DIED):
            reason = f"its process died {trial.num_failures} times; --concurrent 1 leaves it more memory"
        else:
            reason = [line.strip() for line in text.splitlines() if line.strip()][-1]
        self._end(record, "failed", reason)

    @_kept
    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Close what is still open when the stage came to its end: after the time budget it will not go on."""
        if not self.interrupted and self.error is None:
            for record in self._open():
                self._end(record, "pruned", TIME_IS_UP)

    def close(self) -> None:
        """Say of what is still open, after Ctrl-C or an error, that it waits to go on."""
        for record in self._open():
            self._tracker.interrupted(record)

    def _open(self) -> list[TrialRecord]:
        return [record for record in self._records.values() if record.outcome == "running"]

    def _end(self, record: TrialRecord, outcome: Any, reason: str | None) -> None:
        record.outcome, record.reason, record.ended = outcome, reason, time.time()
        directory = self._folder.trial_directory(record.key)
        self._folder.write(record)
        self._tracker.trial_ended(record, directory)
        self._view.trial_ended(record)
        for name in (CHECKPOINT, f"{CHECKPOINT}.old", f"{CHECKPOINT}.new"):
            shutil.rmtree(directory / name, ignore_errors=True)
