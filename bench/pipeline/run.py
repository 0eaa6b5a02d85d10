"""Runs a search or a reproduction: locks its folder, starts the cluster, connects to MLflow, and runs the stages."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from bench.home.datasets import reopen_dataset
from bench.home.holdout_looks import holdout_looks
from bench.home.paths import cache_dir
from bench.home.resources import Machine, Plan, plan, this_machine
from bench.pipeline.first_floors import show_first_floors
from bench.pipeline.reproduction import ReproductionPipeline
from bench.pipeline.stages import Pipeline
from bench.record.folder import SearchFolder
from bench.record.reproduction import ReproducedRow, Reproduction
from bench.record.request import Request
from bench.record.summary import Row, Summary
from bench.reporting.files import write_reproduction, write_results
from bench.reporting.progress import ProgressView
from bench.terminal.console import INTERRUPTED, note, print_error
from bench.terminal.formatting import duration
from bench.terminal.signals import graceful_stop
from bench.tracking.address import check_reachable, store_uri
from bench.tracking.client import connect
from bench.tracking.tracker import Tracker
from bench.tuning.cluster import cluster
from bench.tuning.cluster import connect as connect_to_ray
from bench.tuning.nodes import check_nodes
from bench.tuning.run import StageContext
from cellbench.errors import CellbenchError, StoreError
from cellbench.patches import PatchSet
from cellbench.threads import use_threads

PATIENCE_S = (10, 30, 60)
"""Seconds between tries to write the result to MLflow, while MLflow does not answer."""


class Outcome(Protocol):
    """The result of a pipeline."""

    @property
    def rows(self) -> Sequence[Row | ReproducedRow]:
        """Methods, floors and ceilings."""

    def write(self, folder: SearchFolder) -> None:
        """Write the result into the folder; the pipeline then has ended."""

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the pipeline's MLflow run."""

    def tags(self) -> dict[str, str]:
        """Return the tags of the pipeline's MLflow run."""


R = TypeVar("R", bound=Outcome)


@dataclass(frozen=True)
class PipelineKind(Generic[R]):
    """What distinguishes a search from a reproduction while they run.

    Attributes:
        read: Returns the result that a folder has; None where the pipeline has not ended.
        run: Runs the stages that have not ended, and returns the result.
        files: Writes the result for people into the folder, and returns the paths.
    """

    read: Callable[[SearchFolder], R | None]
    run: Callable[[Request, StageContext, PatchSet], R]
    files: Callable[[SearchFolder, R], list[Path]]


SEARCH = PipelineKind(Summary.read, lambda *shared: Pipeline(*shared).run(), write_results)
REPRODUCTION = PipelineKind(Reproduction.read, lambda *shared: ReproductionPipeline(*shared).run(), write_reproduction)


def find_machine(address: str | None) -> Machine:
    """Return the CPUs and GPUs of the Ray cluster at an address, or of this machine without one.

    Raises:
        SettingError: No cluster answers at the address.
    """
    return this_machine() if address is None else connect_to_ray(address)


def run_pipeline(request: Request, folder: SearchFolder, kind: PipelineKind[R]) -> R:
    """Run a search or a reproduction, or resume one that was stopped, and return its result.

    Trials that have ended are not trained again.

    Args:
        request: The request.
        folder: The folder.
        kind: `SEARCH` or `REPRODUCTION`.

    Raises:
        KeyboardInterrupt: The search was stopped. It can be resumed.
        CellbenchError: The search cannot continue; the message gives the reason.
    """
    patch_set = reopen_dataset(request.dataset_identity).patch_set
    check_reachable(store_uri())
    holdout_looks(patch_set)  # a damaged counter of looks is an error before anything is trained
    with folder.lock():
        try:
            outcome = kind.read(folder)
            if outcome is None:
                return _run_stages(request, folder, patch_set, kind)
            # The search has ended, but MLflow lacks the result.
            _record(folder, Tracker(request, patch_set.card, "unknown"), outcome, kind)
            return outcome
        finally:  # under the lock, because another search of this name may start at the same moment
            folder.discard_unless_begun()


def run_and_show(
    request: Request, folder: SearchFolder, kind: PipelineKind[R], resume: str, show: Callable[[Request, R], None]
) -> int:
    """Run a search or a reproduction, print its result, and return the exit status of the program.

    Args:
        request: The request.
        folder: The folder.
        kind: `SEARCH` or `REPRODUCTION`.
        resume: The command that resumes it.
        show: Prints the result.

    Raises:
        CellbenchError: It cannot continue.
    """
    try:
        outcome = run_pipeline(request, folder, kind)
    except KeyboardInterrupt:
        was_written = folder.request_path.exists()
        print_error(
            f"Stopped. Resume with: {resume}" if was_written else "Stopped before anything was written.", "yellow"
        )
        return INTERRUPTED
    except StoreError:
        found = kind.read(folder)
        if found is not None:  # there is a result, which only MLflow lacks
            show(request, found)
        if folder.request_path.exists():
            print_error(f"Correct the problem below, then resume with: {resume}", "yellow")
        raise
    show(request, outcome)
    return 0


def _run_stages(request: Request, folder: SearchFolder, patch_set: PatchSet, kind: PipelineKind[R]) -> R:
    with graceful_stop(folder.stop_path) as listen, ThreadPoolExecutor(1) as threads:
        machine = this_machine()
        use_threads(1)  # of this process, which computes floors and the range of radii; trials have their own number
        # Ray starts while the first floors are computed and then MLflow is imported; both are slow.
        shows_floors = request.address is None and machine.gpus == 0
        floors = threads.submit(show_first_floors, request) if shows_floors else None
        store = threads.submit(connect)
        with cluster(request.address, machine) as machine:
            listen()
            resources = request.concurrent, request.cpus_of_trial, request.gpus_per_trial
            shares = plan(machine, *resources, request.max_concurrent)
            if request.address is not None:
                check_nodes(folder.directory, request.dataset_path, request.fingerprint, cache_dir())
            store.result()  # an unusable store is an error before anything is written
            if floors is not None:
                floors.result()
            request.write(folder)
            folder.reopen_trials()
            return _run_on(shares, request, folder, patch_set, kind)


def _run_on(shares: Plan, request: Request, folder: SearchFolder, patch_set: PatchSet, kind: PipelineKind[R]) -> R:
    tracker = Tracker(request, patch_set.card, "cuda" if shares.gpus > 0 else "cpu")
    view = ProgressView(request.name, request.primary_objective, request.um_per_px)
    with _closed_run(tracker):
        outcome = kind.run(request, StageContext(folder, tracker, view, shares), patch_set)
        outcome.write(folder)
        _record(folder, tracker, outcome, kind)
    return outcome


def _record(folder: SearchFolder, tracker: Tracker, outcome: R, kind: PipelineKind[R]) -> None:
    """Write the result for people into the folder, and to MLflow."""
    files = kind.files(folder, outcome)
    for wait in (*PATIENCE_S, None):
        try:
            tracker.repair(folder)
            tracker.end_search("FINISHED", outcome.metrics(), outcome.tags(), files, outcome.rows)
            break
        except StoreError as error:
            if wait is None:
                raise
            note(f"{error} Trying again in {duration(wait)}.")
            time.sleep(wait)
    folder.mark_recorded()


@contextmanager
def _closed_run(tracker: Tracker) -> Iterator[None]:
    """Close the MLflow run of the search if the search does not end."""
    try:
        yield
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        reason = str(error) if isinstance(error, CellbenchError) else type(error).__name__
        with suppress(CellbenchError):  # the store does not answer: the next search closes the run
            tracker.end_search(status, {}, {"cellbench.reason": reason} if status == "FAILED" else {})
        raise
