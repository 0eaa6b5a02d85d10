"""The folder of one trial: its record, its history, and the state that a worker leaves for the next one.

A trial folder has two writers. The worker writes what the training produces; the driver writes what it knows:

    trials/KEY/
        result.json             worker: the metrics of a training that had its full budget, written last
        configuration.yaml, embeddings.npz, reconstructions.png, confusion.png, confusion.json
                                worker: files of a completed trial; MLflow gets a copy
        encoder.safetensors, model.json
                                worker: the trained encoder, in the stage `final` only
        checkpoint/             worker: state to resume from, while the trial is not finished
        checkpoint.old/, checkpoint.new/
                                worker: there only while `checkpoint/` is replaced
        hung.txt                worker: where an epoch hung; empty while an epoch runs
        error.txt               worker or driver: the traceback of a failed trial
        trial.json              driver: the record of the trial
        history.jsonl           driver: the metrics of each epoch, one line per epoch

One file decides each fact. `result.json` decides whether a trial is completed, and which metrics it reached; a record
that says `completed` is a copy of it. `trial.json` decides everything else: whether a trial was started, pruned or
failed, when and where. Two steps keep them equal when a search is resumed. `SearchFolder.reopen_trials` derives the
records of completed trials from their results again. A trial whose record says `running` is given to a worker, and a
worker that finds `result.json` returns it instead of a training. So a trial that outlived its driver is found.

The names and the writers of a completed trial's files are in `cellbench.trials`; all other names are here.
"""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cellbench.disk import explained, write_text
from cellbench.errors import DataError
from cellbench.input_files import load_json, read_bytes, read_text
from cellbench.trials.names import (
    CONFIGURATION,
    CONFUSION,
    CONFUSION_COUNTS,
    EMBEDDINGS,
    ENCODER,
    MODEL,
    RECONSTRUCTIONS,
    RESULT,
)

Outcome = Literal["running", "completed", "pruned", "failed"]
MAX_TIME_S = 4e9
"""Latest time of a record, s since the Unix epoch, in the year 2096. Later ones are damage."""
ERROR = "error.txt"
KEPT_BY_MLFLOW = (CONFIGURATION, RECONSTRUCTIONS, CONFUSION, CONFUSION_COUNTS, EMBEDDINGS, ENCODER, MODEL, ERROR)
"""Files of a trial folder that are copied to MLflow if they exist."""


class TrialRecord(BaseModel):
    """The driver's record of a trial.

    Attributes:
        key: Name of the trial, unique within the search.
        number: Position of the trial in its stage, from 0.
        stage: `search`, `folds`, `protocol`, `final` or `oracle`.
        method: Name of the suppression.
        configuration: Short hash of the configuration.
        params: Every hyperparameter by its search-space name, lengths in native px.
        fold: Fifth of the pool that is left out; None for the whole pool.
        seed: Seed of the training.
        epochs: Epochs of a full training.
        outcome: State of the trial. `running` includes a trial that was interrupted.
        reason: Why the trial was pruned or failed, or why its configuration gets no further fold.
        epoch: Epochs trained so far.
        metrics: Last known value of each metric. Only a completed trial has final scores.
        started: Time in seconds since the Unix epoch.
        ended: Time in seconds since the Unix epoch; None while the trial runs.
        nodes: Addresses of the machines that trained it, in order; more than one if the trial moved.
    """

    model_config = ConfigDict(extra="forbid")

    key: str
    number: int
    stage: str
    method: str
    configuration: str
    params: dict[str, bool | int | float | str]
    fold: int | None
    seed: int
    epochs: int
    outcome: Outcome = "running"
    reason: str | None = None
    epoch: int = 0
    metrics: dict[str, float] = Field(default_factory=dict)
    started: float = Field(default_factory=time.time, ge=0, le=MAX_TIME_S)
    ended: float | None = Field(default=None, ge=0, le=MAX_TIME_S)
    nodes: list[str] = Field(default_factory=list)

    def reopened(self) -> "TrialRecord":
        """Return a copy of the record for a trial that is trained again or resumed."""
        return self.model_copy(update={"outcome": "running", "reason": None, "ended": None})


class TrialFolder:
    """Reads and writes the folder of one trial, on the driver and in a worker.

    Args:
        directory: The folder. It need not exist yet.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.record_path = directory / "trial.json"
        self.history_path = directory / "history.jsonl"
        self.error_path = directory / ERROR
        self.hang_path = directory / "hung.txt"
        self._checkpoint = directory / "checkpoint"
        self._old_checkpoint = directory / "checkpoint.old"
        self._new_checkpoint = directory / "checkpoint.new"

    def write_record(self, record: TrialRecord) -> None:
        """Write `trial.json` atomically.

        Raises:
            StoreError: The file cannot be written.
        """
        with explained(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
        write_text(self.record_path, record.model_dump_json(indent=1))

    def result(self) -> dict[str, float] | None:
        """Return the metrics in `result.json`; None if the trial is not completed or the file is damaged."""
        try:
            found = load_json(read_text(self.directory / RESULT))["metrics"]
        except (OSError, ValueError, TypeError, KeyError):
            return None
        numbers = isinstance(found, dict) and all(isinstance(value, int | float) for value in found.values())
        return found if numbers else None

    def append_history(self, epoch: int, metrics: dict[str, float]) -> dict[str, Any]:
        """Append the metrics of an epoch to the history; return the entry as `history` returns it.

        Raises:
            StoreError: The file cannot be written.
        """
        entry = {"epoch": epoch, "time": time.time(), "metrics": metrics}
        with explained(self.history_path), self.history_path.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, 2)
                if file.read() != b"\n":  # a full disk or a crash left half a line
                    file.write(b"\n")
            file.write(json.dumps(entry).encode() + b"\n")
        return entry

    def history(self) -> list[dict[str, Any]]:
        """Return `epoch`, `time` and `metrics` of each epoch in order.

        The last entry of an epoch that was trained twice counts. Lines that a crash left unfinished are skipped.
        """
        if not self.history_path.exists():
            return []
        try:
            lines = read_bytes(self.history_path).splitlines()
        except OSError as error:
            raise DataError(f"{self.history_path} cannot be read ({error.strerror}); remove it.") from None
        found: dict[int, dict[str, Any]] = {}
        for line in lines:
            with suppress(ValueError, TypeError, KeyError, OverflowError):
                entry = load_json(line.decode())
                epoch, when, metrics = int(entry["epoch"]), float(entry["time"]), dict(entry["metrics"])
                found[epoch] = {"epoch": epoch, "time": when, "metrics": metrics}
        return [found[epoch] for epoch in sorted(found)]

    def checkpoints(self) -> list[Path]:
        """Return the folders of the checkpoints that exist, the newest first."""
        return [path for path in (self._checkpoint, self._old_checkpoint) if path.is_dir()]

    @contextmanager
    def replacing_checkpoint(self) -> Iterator[Path]:
        """Replace the checkpoint by what the block writes. A complete checkpoint exists at any time.

        Yields:
            An empty folder for the files of the new checkpoint.

        Raises:
            StoreError: The checkpoint cannot be written; the previous one stays.
        """
        shutil.rmtree(self._new_checkpoint, ignore_errors=True)
        try:
            with explained(self.directory):
                self._new_checkpoint.mkdir(parents=True)
                yield self._new_checkpoint
                if self._checkpoint.exists():
                    shutil.rmtree(self._old_checkpoint, ignore_errors=True)
                    self._checkpoint.rename(self._old_checkpoint)
                self._new_checkpoint.rename(self._checkpoint)
        finally:
            shutil.rmtree(self._new_checkpoint, ignore_errors=True)
        shutil.rmtree(self._old_checkpoint, ignore_errors=True)

    def remove_checkpoints(self) -> None:
        """Remove all checkpoints of a trial that has ended."""
        for path in (self._checkpoint, self._old_checkpoint, self._new_checkpoint):
            shutil.rmtree(path, ignore_errors=True)

    def forget_hang(self) -> None:
        """Remove the trace of an epoch that hung, so that the trial may be tried again."""
        self.hang_path.unlink(missing_ok=True)

    def write_error(self, text: str) -> None:
        """Write the traceback of a failed trial to `error.txt`."""
        self.error_path.write_text(text, encoding="utf-8")
