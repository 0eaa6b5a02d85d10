"""A search from its lock to its record: the cluster and the store that its course needs."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from bench.home.datasets import reopen_dataset
from bench.home.holdout_looks import holdout_looks
from bench.home.paths import cache_dir
from bench.home.resources import Machine, Plan, plan, this_machine
from bench.pipeline.stages import Pipeline
from bench.record.folder import SearchFolder
from bench.record.request import Request
from bench.record.summary import Summary
from bench.reporting.files import write_results
from bench.reporting.progress import ProgressView
from bench.terminal.console import note
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

PATIENCE_S = (10, 30, 60)
"""Waits before another try to tell MLflow how a search ended, where it does not answer."""


def find_machine(address: str | None) -> Machine:
    """Return the CPUs and GPUs of the Ray cluster at an address, or of this machine without one.

    Raises:
        SettingError: No cluster answers at the address.
    """
    return this_machine() if address is None else connect_to_ray(address)


def run_search(request: Request, folder: SearchFolder) -> Summary:
    """Run a search to its end, or go on with one that was stopped, and return how it ended.

    What is done already, to the single trial, is not done again.

    Args:
        request: What was asked for.
        folder: The search's folder.

    Raises:
        KeyboardInterrupt: It was stopped; asked for again, it goes on.
        CellbenchError: It cannot go on; the message says why.
    """
    patch_set = reopen_dataset(request.dataset, request.dataset_path, request.fingerprint, request.name)
    check_reachable(store_uri())
    holdout_looks(patch_set)  # looks that cannot be counted are met before anything is trained
    with folder.lock():
        try:
            summary = Summary.read(folder)
            if summary is None:
                return _run_stages(request, folder, patch_set)
            # its end is known, but not to MLflow
            _record(folder, Tracker(request, patch_set.card, "unknown"), summary)
            return summary
        finally:  # under the lock: the folder may be that of another search of this name, begun at the same moment
            if not folder.request_path.exists():
                shutil.rmtree(folder.directory, ignore_errors=True)


def _run_stages(request: Request, folder: SearchFolder, patch_set: PatchSet) -> Summary:
    with graceful_stop(folder.stop_path) as listen, ThreadPoolExecutor(1) as beside:
        store = beside.submit(connect)  # MLflow is slow to import, Ray is slow to start
        with cluster(request.address, this_machine()) as machine:
            listen()
            asked = request.concurrent, request.cpus_per_trial, request.gpus_per_trial
            shares = plan(machine, *asked, request.max_concurrent)
            if request.address is not None:
                check_nodes(folder.directory, request.dataset_path, request.fingerprint, cache_dir())
            store.result()  # a store that cannot be used is met before anything is written
            request.write(folder)
            return _run_on(shares, request, folder, patch_set)


def _run_on(shares: Plan, request: Request, folder: SearchFolder, patch_set: PatchSet) -> Summary:
    tracker = Tracker(request, patch_set.card, "cuda" if shares.gpus > 0 else "cpu")
    view = ProgressView(request.name, request.primary_objective, request.um_per_px)
    with _closed_run(tracker):
        summary = Pipeline(request, StageContext(folder, tracker, view, shares), patch_set).run()
        summary.write(folder)
        _record(folder, tracker, summary)
    return summary


def _record(folder: SearchFolder, tracker: Tracker, summary: Summary) -> None:
    """Write how a search ended into its folder and to MLflow."""
    files = write_results(folder, summary)
    for wait in (*PATIENCE_S, None):
        try:
            tracker.repair(folder)
            tracker.end_search("FINISHED", summary.metrics(), summary.tags(), files)
            break
        except StoreError as error:
            if wait is None:
                raise
            note(f"{error} Trying again in {duration(wait)}.")
            time.sleep(wait)
    folder.mark_recorded()


@contextmanager
def _closed_run(tracker: Tracker) -> Iterator[None]:
    """See that the search's run does not stay open when the search does not end."""
    try:
        yield
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        reason = str(error) if isinstance(error, CellbenchError) else type(error).__name__
        with suppress(CellbenchError):  # the store is away: the next search sweeps the run
            tracker.end_search(status, {}, {"cellbench.reason": reason} if status == "FAILED" else {})
        raise
