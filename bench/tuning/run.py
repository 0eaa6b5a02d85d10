"""Runs one stage of a search: one Ray Tune run, in which worker processes are reused from trial to trial."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ray import tune
from ray.tune import Stopper
from ray.tune.result import TIME_THIS_ITER_S
from ray.tune.stopper import CombinedStopper

from bench.home.resources import Plan
from bench.record.folder import SearchFolder
from bench.tuning.callback import SearchCallback
from bench.tuning.config import OUTCOME
from bench.tuning.trainable import TrialTrainable

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler
    from ray.tune.search import Searcher

    from bench.reporting.progress import ProgressView
    from bench.tracking.tracker import Tracker

MAX_FAILURES = 2
"""How often a trial is resumed from its checkpoint after its process died."""


@dataclass
class StageContext:
    """What all stages of a search share.

    Attributes:
        folder: The folder of the search.
        tracker: Writes the search to MLflow.
        view: Shows the progress on the terminal.
        plan: Trials at once, and the CPUs and GPUs of each.
    """

    folder: SearchFolder
    tracker: "Tracker"
    view: "ProgressView"
    plan: Plan


@contextmanager
def _restored_signals() -> Iterator[None]:
    """Restore the signal handlers that Ray Tune and the callback replace; they would ignore the next Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class TimeBudget(Stopper):
    """Ends the stage `search` in time for the stages that follow, but not before one trial is completed.

    Args:
        seconds: Time for all stages, from now on.
        rounds_after: Trainings that follow the stage, one after another.
        epochs: Epochs of a training.
    """

    def __init__(self, seconds: float, rounds_after: int, epochs: int) -> None:
        self._end = time.monotonic() + seconds
        self._epochs_after = rounds_after * epochs
        self._epoch_s: list[float] = []
        self._any_completed = False

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Called after every epoch of a trial. Return False: no single trial is stopped."""
        self._epoch_s.append(result.get(TIME_THIS_ITER_S, 0.0))
        self._any_completed |= result.get(OUTCOME) == "completed"
        return False

    def stop_all(self) -> bool:
        """Return whether the stage must end now."""
        if not self._any_completed:
            return False
        mean = sum(self._epoch_s) / len(self._epoch_s)
        return time.monotonic() + self._epochs_after * mean > self._end


class _StopOnError(Stopper):
    """Ends a stage after an error of its callback."""

    def __init__(self, callback: SearchCallback) -> None:
        self._callback = callback

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Called after every epoch of a trial. Return False: no single trial is stopped."""
        return False

    def stop_all(self) -> bool:
        """Return whether the stage must end now."""
        return self._callback.error is not None


def run_stage(
    context: StageContext,
    stage: str,
    searcher: "Searcher",
    n_trials: int,
    scheduler: "TrialScheduler | None" = None,
    stopper: Stopper | None = None,
) -> None:
    """Run the trials that a searcher suggests. Their outcomes are in the search folder afterwards.

    Args:
        context: What all stages share.
        stage: Name of the stage.
        searcher: Suggests the trials.
        n_trials: Largest number of trials.
        scheduler: Stops unpromising trials early; None trains all to their last epoch.
        stopper: Ends the stage early; None runs all trials.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed. The running trials resume from their checkpoints in the next run.
        StoreError: A file cannot be written, for example because the disk is full, or the data set is missing or
            changed. The running trials resume too.
    """
    if n_trials <= 0:
        return
    callback = SearchCallback(context.folder, context.tracker, context.view)
    with context.folder.ray_storage() as storage:
        tuner = tune.Tuner(
            tune.with_resources(TrialTrainable, {"cpu": context.plan.cpus, "gpu": context.plan.gpus}),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=scheduler,
                num_samples=n_trials,
                max_concurrent_trials=context.plan.concurrent,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=stage,
                storage_path=str(storage),
                callbacks=[callback],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
                stop=CombinedStopper(_StopOnError(callback), *([] if stopper is None else [stopper])),
                verbose=0,
            ),
        )
        try:
            with _restored_signals():
                tuner.fit()
        except Exception:
            if callback.error is None:
                raise
        finally:
            callback.close()
    if callback.error is not None:
        raise callback.error
    if callback.interrupted:
        raise KeyboardInterrupt
