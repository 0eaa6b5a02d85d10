"""Runs a search or a reproduction: locks its folder, starts the cluster, connects to MLflow, and runs the stages."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from bench.home.datasets import reopen_dataset
from bench.home.environment import Environment, record_environment
from bench.home.holdout_looks import holdout_looks
from bench.home.paths import cache_dir
from bench.home.resources import Machine, Plan, plan, this_machine
from bench.pipeline.first_floors import show_first_floors
from bench.pipeline.reproduction import ReproductionPipeline
from bench.pipeline.stages import Pipeline
from bench.planning.commands import resume_command, where
from bench.record.definitions import check_definitions
from bench.record.folder import SearchFolder
from bench.record.reproduction import ReproducedRow, Reproduction
from bench.record.request import Request
from bench.record.summary import Row, Summary
from bench.reporting.files import write_reproduction, write_results
from bench.reporting.progress import ProgressView
from bench.reporting.report.gather import gather
from bench.reporting.report.write import write_report
from bench.reporting.reproduction import announce_reproduction, print_reproduction
from bench.reporting.verdict import announce_search, print_verdict
from bench.terminal.console import INTERRUPTED, note, print_error, say
from bench.terminal.formatting import duration
from bench.terminal.signals import graceful_stop, sigterm_as_ctrl_c
from bench.tracking.address import check_reachable, store_uri
from bench.tracking.client import connect
from bench.tracking.names import code_version
from bench.tracking.reports import log_page
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
        noun: What it is called.
        program: Module of its program.
        check: Checks that a request is one of this kind.
        announce: Prints what is going to be done.
        show: Prints the result.
        read: Returns the result that a folder has; None where the pipeline has not ended.
        run: Runs the stages that have not ended, and returns the result.
        files: Writes the result for people into the folder, and returns the paths.
    """

    noun: str
    program: str
    check: Callable[[Request], None]
    announce: Callable[[Request, str], None]
    show: Callable[[Request, R], None]
    read: Callable[[SearchFolder], R | None]
    run: Callable[[Request, StageContext, PatchSet], R]
    files: Callable[[SearchFolder, R], list[Path]]


SEARCH = PipelineKind(
    noun="search",
    program="bench.search",
    check=Request.check_searches,
    announce=announce_search,
    show=print_verdict,
    read=Summary.read,
    run=lambda *shared: Pipeline(*shared).run(),
    files=write_results,
)
REPRODUCTION = PipelineKind(
    noun="reproduction",
    program="bench.reproduce",
    check=Request.check_reproduces,
    announce=announce_reproduction,
    show=print_reproduction,
    read=Reproduction.read,
    run=lambda *shared: ReproductionPipeline(*shared).run(),
    files=write_reproduction,
)


def find_machine(address: str | None) -> Machine:
    """Return the CPUs and GPUs of the Ray cluster at an address, which is named first, or of this machine without one.

    Raises:
        SettingError: No cluster answers at the address.
    """
    if address is None:
        return this_machine()
    say(where(address))
    return connect_to_ray(address)


def introduce(request: Request, name: str, kind: PipelineKind[R]) -> None:
    """Print which Ray a new search or reproduction connects to, and what is going to be done.

    Args:
        request: The request.
        name: Name of the folder.
        kind: `SEARCH` or `REPRODUCTION`.
    """
    if request.address is None:  # `find_machine` has named a cluster
        say(where(None))
    kind.announce(request, name)


def resume(folder: SearchFolder, kind: PipelineKind[R], changes: Mapping[str, Any]) -> int:
    """Continue a stopped search or reproduction, or print the result of one that has ended; return the exit status.

    Args:
        folder: Its folder.
        kind: Its kind.
        changes: Fields of the request that were typed again.
    """
    recorded = Request.read(folder)
    kind.check(recorded)
    # Ray's token is sent to the address, so the address is never read from a file that a stranger may have written.
    request = recorded.model_copy(update={"address": None, **changes})
    found = kind.read(folder)
    if found is not None and folder.is_recorded:
        say(f"The {kind.noun} {folder.name} has ended.")
        kind.show(request, found)
        return 0
    if found is None:
        check_definitions(request, folder.records())
        say(where(request.address))
        if recorded.address not in (None, request.address):
            command = resume_command(kind.program, folder.name, recorded.address)
            note(
                f"{folder.request_path} names the Ray cluster at {recorded.address}, which is not joined, because an "
                f"address is never taken from a file. To join it, stop the {kind.noun} and type: {command}"
            )
    kind.announce(request, folder.name)
    return run_and_show(request, folder, kind)


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


def run_and_show(request: Request, folder: SearchFolder, kind: PipelineKind[R]) -> int:
    """Run or resume what a request asks for, print its result, and return the exit status of the program."""
    command = resume_command(kind.program, folder.name, request.address)
    try:
        with sigterm_as_ctrl_c():
            outcome = run_pipeline(request, folder, kind)
    except KeyboardInterrupt:
        stopped = f"Stopped. Resume with: {command}"
        print_error(stopped if folder.request_path.exists() else "Stopped before anything was written.", "yellow")
        return INTERRUPTED
    except StoreError:
        found = kind.read(folder)
        if found is not None:  # there is a result, which only MLflow lacks
            kind.show(request, found)
        if folder.request_path.exists():
            print_error(f"Correct the problem below, then resume with: {command}", "yellow")
        raise
    kind.show(request, outcome)
    _write_page(request, folder)
    return 0


def _write_page(request: Request, folder: SearchFolder) -> None:
    """Write the page of the report without figures as files, which take longer. A failure is only a remark."""
    command = f"python -m bench.report {folder.name}"
    try:
        found = gather(folder.name, code_version())
        path = write_report([found], folder.directory / "report", with_figures=False)
        say(f"Report: {path}")
        say(f"  {command:<40} its figures as PNG and SVG too")
        log_page(folder.name, request.dataset, path)
    except (Exception, KeyboardInterrupt) as error:  # the result is complete, and the exit status is about the result
        reason = str(error) if isinstance(error, CellbenchError) else type(error).__name__
        note(f"The report is not complete: {reason.rstrip('.')}. {command} writes it again.")


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
            record_environment(folder.environment_path, Environment.present(code_version()))
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
