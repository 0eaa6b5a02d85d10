"""Writes the runs of a search and of its trials to MLflow.

MLflow shows a copy of the search folder (`bench.record.folder`). Only the driver writes to it. A search continues while
the store does not answer, and `Tracker.repair` writes what is missing later.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.home.paths import searches_dir
from bench.record.folder import SearchFolder
from bench.record.reproduction import ReproducedRow
from bench.record.summary import Row
from bench.record.trial import TrialRecord
from bench.terminal.console import note
from bench.terminal.formatting import value_in_words
from bench.tracking.address import store_uri, unreachable
from bench.tracking.client import connect, find_runs, log_metrics, open_experiment
from bench.tracking.files import log_files
from bench.tracking.names import (
    TRAINED_CEILING,
    code_version,
    is_search_run,
    metric_name,
    metrics_of,
    note_of,
    run_name,
    search_params,
    search_tags,
    trial_params,
)
from bench.tracking.rows import fill_row, row_key
from bench.tracking.views import save_view
from cellbench.patches.card import Card

if TYPE_CHECKING:
    from bench.record.request import Request

STATUS = {"completed": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}
"""MLflow's status of a run for each outcome of a trial."""
RETRY_AFTER_S = 60.0
"""Shortest time without a new try after the store did not answer, s."""


class Tracker:
    """Writes one search to MLflow.

    Args:
        request: The request of the search.
        card: Card of its data set.
        device: Device of the trials, for the parameter `device`.

    Raises:
        StoreError: The store cannot be reached.
    """

    def __init__(self, request: "Request", card: Card, device: str) -> None:
        self._client = connect()
        self._request, self._card, self._device = request, card, device
        self._version = code_version()
        self._runs: dict[str, str] = {}
        self._behind: set[str] = set()
        self._down_until = 0.0
        self._announced = False
        try:
            self._experiment = open_experiment(self._client, card.name)
            self._close_killed_searches()
            self._find_runs()
            self.run_id = self._runs.get("") or self._start_search()
            save_view(self._client, self._experiment, request.name, request)
            self._client.update_run(self.run_id, status="RUNNING")
        except Exception as error:
            raise unreachable(store_uri(), error) from error

    @property
    def experiment_id(self) -> str:
        """Id of the experiment of the data set."""
        return self._experiment

    @property
    def is_behind(self) -> bool:
        """Whether runs lack something that could not be written."""
        return bool(self._behind)

    def trial_started(self, record: TrialRecord, history: Sequence[dict[str, Any]] = ()) -> None:
        """Called when a trial starts or resumes. Opens its run.

        Args:
            record: Record of the trial.
            history: Its history so far. An earlier driver may not have written all of it to the store.
        """
        self._attempt(record.key, lambda: self._catch_up(record, history))

    def epoch(self, record: TrialRecord, entry: dict[str, Any]) -> None:
        """Called after every epoch of a trial. Writes its metrics in one batch.

        Args:
            record: Record of the trial.
            entry: Entry of the trial's history.
        """
        self._attempt(
            record.key,
            lambda: log_metrics(self._client, self._runs[record.key], metrics_of(record, [entry], self._request.rungs)),
        )

    def trial_ended(self, record: TrialRecord, directory: Path) -> None:
        """Called when a trial has ended. Writes its outcome and its files.

        Args:
            record: Record of the trial.
            directory: Folder of the trial.
        """
        self._attempt(record.key, lambda: self._close(record, directory))

    def remark(self, record: TrialRecord) -> None:
        """Called when a trial gets a reason after its end. Writes the reason."""
        self._attempt(record.key, lambda: self._write_reason(record))

    def interrupted(self, record: TrialRecord) -> None:
        """Called when the driver stops before a trial has ended. Closes its run as killed."""
        self._announced = True  # why the driver stops is printed, and a resumed search opens the run again
        self._attempt(record.key, lambda: self._client.set_terminated(self._runs[record.key], "KILLED"))

    def repair(self, folder: SearchFolder) -> None:
        """Write everything that the runs of ended trials lack, from the search folder.

        Args:
            folder: The folder of the search.

        Raises:
            StoreError: The store cannot be reached.
        """
        self._down_until = 0.0
        try:
            open_experiment(self._client, self._card.name)  # it may have been deleted meanwhile
            status = self._find_runs()
            for record in folder.records():
                done = status.get(self._runs.get(record.key, ""), "RUNNING")
                if record.outcome != "running" and (record.key in self._behind or done in ("RUNNING", "KILLED")):
                    trial = folder.trial(record.key)
                    self._catch_up(record, trial.history())
                    self._close(record, trial.directory)
        except Exception as error:
            raise unreachable(store_uri(), error, self._way_out()) from error
        self._behind.clear()

    def end_search(
        self,
        status: str,
        metrics: dict[str, float],
        tags: dict[str, str],
        files: Iterable[Path] = (),
        rows: Iterable[Row | ReproducedRow] = (),
    ) -> None:
        """Write the result of the search to its run, and close the run. Floors and ceilings get runs of their own.

        Args:
            status: FINISHED, FAILED or KILLED.
            metrics: Metrics of the winner.
            tags: Tags of the run.
            files: Table and figures.
            rows: Rows of the table.

        Raises:
            StoreError: The store cannot be reached.
        """
        try:
            for row in rows:
                if row.kind != "method" and row.name != TRAINED_CEILING:  # these have runs, as trials
                    self._write_row(row)
            now = int(1000 * time.time())
            log_metrics(
                self._client, self.run_id, [(metric_name(name), value, now, 0) for name, value in metrics.items()]
            )
            if "cellbench.reason" in self._client.get_run(self.run_id).data.tags:  # from before it was resumed
                self._client.delete_tag(self.run_id, "cellbench.reason")
            for name, value in tags.items():
                self._client.set_tag(self.run_id, name, value)
            for file in files:
                self._client.log_artifact(self.run_id, str(file))
            self._client.set_terminated(self.run_id, status)
        except Exception as error:
            raise unreachable(store_uri(), error, self._way_out()) from error

    def _way_out(self) -> str:
        return f" Nothing is lost: --resume {self._request.name} writes it."

    def _attempt(self, key: str, action: Callable[[], Any]) -> None:
        """Do something if the store answers; else note that the run of the trial needs `repair`."""
        if key in self._behind or time.monotonic() < self._down_until:
            self._behind.add(key)
            return
        start = time.monotonic()
        try:
            action()
        except Exception as error:
            if not self._announced:
                note(f"{unreachable(store_uri(), error)} The search continues, and writes to it when it answers.")
                self._announced = True
            self._behind.add(key)
            now = time.monotonic()  # a server that hangs until a time-out must not slow down the search
            self._down_until = now + max(RETRY_AFTER_S, 10 * (now - start))

    def _find_runs(self) -> dict[str, str]:
        """Find the runs of the search, and return the status of each by its id."""
        status = {}
        for run in find_runs(self._client, self._experiment, f"tags.`cellbench.search` = '{self._request.name}'"):
            key, run_id = run.data.tags.get("cellbench.trial"), run.info.run_id
            if key is None and not is_search_run(run.data.tags, run.info.run_name, self._request.name):
                continue  # a classifier from this search
            status[run_id] = run.info.status
            # A server that stops answering may have created a run without a reply, and a second one later.
            if self._runs.setdefault(key or "", run_id) != run_id and run.info.status == "RUNNING":
                self._client.set_terminated(run_id, "KILLED")
        return status

    def _close_killed_searches(self) -> None:
        """Close the open runs of other searches in this home that no process works on."""
        for run in find_runs(self._client, self._experiment, "attributes.status = 'RUNNING'"):
            name = run.data.tags.get("cellbench.search", "")
            here = bool(name) and name != self._request.name and (searches_dir() / name).is_dir()
            if here and not SearchFolder(searches_dir() / name).is_locked:
                self._client.set_terminated(run.info.run_id, "KILLED")

    def _start_search(self) -> str:
        request = self._request
        tags = search_tags(self._request, self._version, "search") | {
            "mlflow.runName": request.name,
            "cellbench.method": ", ".join(request.methods),
            "mlflow.note.content": f"`{request.command}`",
        }
        run = self._client.create_run(self._experiment, tags=tags)
        self._finish_opening(run.info.run_id, search_params(request, self._device))
        self._client.log_artifact(run.info.run_id, str(SearchFolder(searches_dir() / request.name).request_path))
        return str(run.info.run_id)

    def _catch_up(self, record: TrialRecord, history: Iterable[dict[str, Any]]) -> None:
        """Open the run of a trial, and write its history; the store ignores what it has already."""
        self._open(record)
        log_metrics(self._client, self._runs[record.key], metrics_of(record, history, self._request.rungs))

    def _open(self, record: TrialRecord) -> None:
        if record.key not in self._runs:
            self._runs[record.key] = self._create(record)
        self._finish_opening(self._runs[record.key], trial_params(record, self._request, self._device))
        self._client.update_run(self._runs[record.key], status="RUNNING")

    def _create(self, record: TrialRecord) -> str:
        kind = "ceiling" if record.stage == TRAINED_CEILING else "trial"
        tags = self._tags(kind, run_name(record, self._request)) | {
            "cellbench.trial": record.key,
            "cellbench.stage": record.stage,
            "cellbench.method": record.method,
            "cellbench.configuration": record.configuration,
            "mlflow.note.content": note_of(record, self._card.um_per_px),
        }
        run = self._client.create_run(self._experiment, start_time=int(1000 * record.started), tags=tags)
        return str(run.info.run_id)

    def _write_row(self, row: Row | ReproducedRow) -> None:
        key = row_key(row)
        if key not in self._runs:
            tags = self._tags(row.kind, key) | {"cellbench.trial": key, "cellbench.method": row.name}
            self._runs[key] = str(self._client.create_run(self._experiment, tags=tags).info.run_id)
        self._finish_opening(self._runs[key], {"probe": self._request.settings.probe})
        fill_row(self._client, self._runs[key], row)

    def _tags(self, kind: str, name: str) -> dict[str, str]:
        """Return the tags of a run inside that of the search."""
        shared = search_tags(self._request, self._version, kind)
        return shared | {"mlflow.parentRunId": self.run_id, "mlflow.runName": name}

    def _finish_opening(self, run_id: str, params: dict[str, Any]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        known = self._client.get_run(run_id).data.params  # MLflow refuses another value, as that of the device
        new = [Param(name, value_in_words(value)) for name, value in params.items() if name not in known]
        self._client.log_batch(run_id, params=new)
        request = self._request
        dataset = Dataset(request.dataset, request.fingerprint[:36], "local", f'{{"path": "{request.dataset_path}"}}')
        self._client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])

    def _close(self, record: TrialRecord, directory: Path) -> None:
        run_id = self._runs[record.key]
        self._client.set_tag(run_id, "cellbench.outcome", record.outcome)
        if record.nodes:
            self._client.set_tag(run_id, "cellbench.node", ", ".join(record.nodes))
        if record.reason:
            self._write_reason(record)
        ended = int(1000 * (record.ended or time.time()))
        log_files(self._client, run_id, directory, ended)
        self._client.set_terminated(run_id, STATUS[record.outcome], end_time=ended)

    def _write_reason(self, record: TrialRecord) -> None:
        run_id = self._runs[record.key]
        self._client.set_tag(run_id, "cellbench.reason", (record.reason or "")[:5000])
        self._client.set_tag(run_id, "mlflow.note.content", note_of(record, self._card.um_per_px))
