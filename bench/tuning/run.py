"""Runs one stage of a search: one Ray Tune run over trials that keep their processes."""

import shutil
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
"""Times that a trial is tried again, from its checkpoint, after its process died."""


@dataclass
class StageContext:
    """What all stages of a search share.

    Attributes:
        folder: The search's folder.
        tracker: Its MLflow runs.
        view: What the terminal shows.
        plan: What a trial gets.
    """

    folder: SearchFolder
    tracker: "Tracker"
    view: "ProgressView"
    plan: Plan


@contextmanager
def _own_signals() -> Iterator[None]:
    """Take back the signals that Ray Tune and the keeper listen to; they would swallow the next Ctrl-C."""
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
    """Ends the search stage early enough for the stages that follow, but never before one trial is complete.

    Args:
        seconds: Time for all stages, from now on.
        rounds_after: Trainings that follow the search stage one after another.
        epochs: Epochs of a training.
    """

    def __init__(self, seconds: float, rounds_after: int, epochs: int) -> None:
        self._end = time.monotonic() + seconds
        self._epochs_after = rounds_after * epochs
        self._epoch_s: list[float] = []
        self._any_completed = False

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Hear of an epoch; no trial is stopped by itself."""
        self._epoch_s.append(result.get(TIME_THIS_ITER_S, 0.0))
        self._any_completed |= result.get(OUTCOME) == "completed"
        return False

    def stop_all(self) -> bool:
        """Whether the stage must end now."""
        if not self._any_completed:
            return False
        mean = sum(self._epoch_s) / len(self._epoch_s)
        return time.monotonic() + self._epochs_after * mean > self._end


def run_stage(
    context: StageContext,
    stage: str,
    searcher: "Searcher",
    n_trials: int,
    scheduler: "TrialScheduler | None" = None,
    stopper: Stopper | None = None,
) -> None:
    """Run the trials that a searcher hands out; what becomes of them is in the search folder.

    Args:
        context: What all stages share.
        stage: Name of the stage.
        searcher: Hands out trials.
        n_trials: How many at most.
        scheduler: Stops unpromising trials; None trains all to their end.
        stopper: Ends the stage early.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; trials under way go on from their checkpoints when the stage runs again.
        StoreError: The disk is full, say; likewise.
    """
    if n_trials <= 0:
        return
    keeper = SearchCallback(context.folder, context.tracker, context.view)
    storage = context.folder.directory / ".ray"
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
            callbacks=[keeper],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
            stop=stopper,
            verbose=0,
        ),
    )
    try:
        with _own_signals():
            tuner.fit()
    except Exception:
        if keeper.error is None:
            raise
        raise keeper.error from None
    finally:
        keeper.close()
        shutil.rmtree(storage, ignore_errors=True)
    if keeper.interrupted:
        raise KeyboardInterrupt
