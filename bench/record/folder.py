"""The folder of a search: its request, its trials, and how far it has come.

The folder is the one source about a search. MLflow shows a copy of it, `--resume` continues from it, and the programs
`results`, `status` and `classify` read it.

    searches/NAME/
        .lock               which process works on the search; released when the process dies
        .stop               asks that process to stop
        request.yaml        the request with every default filled in; the search has begun
        trials/KEY/         one folder per trial, see `bench.record.trial`
        stopped.json        methods that need no further trials, and why (--stop-early)
        .STAGE.over         the stage has ended: .search.over, .folds.over, and so on
        .look               number of this search's look at the holdout, once it is counted
        environment.json, confusions.json   versions that ran the search; confusion matrices of floors
        .ray/               files of Ray Tune while a stage runs; never read by a resumed search
        summary.json        the result; the search has ended
        reproduction.json   the result of a reproduction, in place of summary.json
        table.csv, importances.csv, figure.png, response.png, front.csv, front.png
                            the result for people, written by `bench.reporting.files`
        report/             the page of `bench.report`, with its tables and figures; made again at any time
        .recorded           MLflow has the result

A search passes through these states. Each state is a file that appears:

    starting        `.lock` is held, `request.yaml` is missing; if the search ends here, its folder is removed
    begun           `request.yaml` exists; a search that stops here can be resumed
    stage ended     `.STAGE.over` exists; the stage gets no new trials when the search is resumed
    ended           `summary.json` exists; only MLflow may still lack the result
    recorded        `.recorded` exists; nothing is left to do
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.home.paths import searches_dir
from bench.record.trial import TrialFolder, TrialRecord
from cellbench.disk import LockedError, explained, file_lock, is_locked, lock_holder, write_text
from cellbench.errors import DataError, NotFoundError, SettingError
from cellbench.input_files import find_link, load_json, read_text
from cellbench.registry import nearest

STAGES = ("search", "folds", "protocol", "final", "oracle")
"""Stages of a search in their order."""
_LOCK, _REQUEST, _RAY = ".lock", "request.yaml", ".ray"
_MAX_NAME = 100  # longer ones are not looked up, because a file system may refuse them


class SearchFolder:
    """Reads and writes the folder of one search, which need not exist yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = directory.name
        self.trials_directory = directory / "trials"
        self.request_path = directory / _REQUEST
        self.summary_path = directory / "summary.json"
        self.reproduction_path = directory / "reproduction.json"
        self.stop_path = directory / ".stop"
        self.environment_path = directory / "environment.json"
        self.confusions_path = directory / "confusions.json"
        self._lock_path = directory / _LOCK
        self._recorded_path = directory / ".recorded"
        self._look_path = directory / ".look"

    @classmethod
    def open(cls, name: str) -> "SearchFolder":
        """Open the folder of a search that has begun.

        Raises:
            NotFoundError: There is no search with this name.
        """
        folder = cls(searches_dir() / name)
        if not name or folder.name != name or len(name) > _MAX_NAME or not folder.has_begun:
            known = search_names()
            raise NotFoundError(f"There is no search '{name}' in {searches_dir()}; {nearest(name, known)}")
        return folder

    @property
    def has_begun(self) -> bool:
        """Whether the request is written, so that the search can be resumed."""
        return os.path.lexists(self.request_path)  # also one that is damaged, or not a file

    @property
    def has_ended(self) -> bool:
        """Whether the search has a result."""
        return self.summary_path.exists() or self.reproduction_path.exists()

    def discard_unless_begun(self) -> None:
        """Remove the folder of a search that ended before its request was written. The caller holds the lock."""
        if not self.has_begun:
            shutil.rmtree(self.directory, ignore_errors=True)

    # Trials

    def trial(self, key: str) -> TrialFolder:
        """Return the folder of a trial."""
        return TrialFolder(self.trials_directory / key)

    def write(self, record: TrialRecord) -> None:
        """Write the record of a trial atomically.

        Raises:
            StoreError: The file cannot be written.
        """
        self.trial(record.key).write_record(record)

    def records(self, stage: str | None = None) -> list[TrialRecord]:
        """Return the records of all trials in the order of stages and numbers.

        Args:
            stage: Only trials of this stage; None for all.

        Raises:
            DataError: A record is damaged.
        """
        found = []
        for path in sorted(self.trials_directory.glob("*/trial.json")):
            try:
                record = TrialRecord.model_validate_json(read_text(path))
                # The key becomes a path again, so another one could lead out of the search.
                if record.key != path.parent.name or record.stage not in STAGES:
                    raise ValueError("The key is not the name of the folder, or the stage is unknown.")
                found.append(record)
            except (ValueError, OSError) as error:  # not JSON, not UTF-8, other fields
                # A resumed search that has a summary only prints it.
                also = f" and {self.summary_path.name}" if self.has_ended else ""
                raise DataError(
                    f"{path} is damaged; remove its folder{also}, and --resume {self.name} trains it again."
                ) from error
        chosen = [record for record in found if stage in (None, record.stage)]
        return sorted(chosen, key=lambda record: (STAGES.index(record.stage), record.number))

    def reopen_trials(self) -> None:
        """Make the records agree with the results, before a search is resumed.

        A record that says `completed` gets the metrics of its `result.json`. If there is no readable `result.json`, the
        trial is open again and will be trained again. A running trial may hang again, so an earlier hang is forgotten.
        """
        for record in self.records():
            trial = self.trial(record.key)
            if record.outcome == "completed":
                result = trial.result()
                if result is None:
                    self.write(record.reopened())
                elif (metrics := {n: result.get(n, value) for n, value in record.metrics.items()}) != record.metrics:
                    self.write(record.model_copy(update={"metrics": metrics}))
            elif record.outcome == "running":
                trial.forget_hang()

    # Stages

    def end_stage(self, stage: str) -> None:
        """Mark a stage as ended: it gets no new trials when the search is resumed."""
        with explained(self.directory):
            self._stage_path(stage).touch()

    def has_ended_stage(self, stage: str) -> bool:
        """Return whether a stage has ended."""
        return self._stage_path(stage).exists()

    def _stage_path(self, stage: str) -> Path:
        return self.directory / f".{stage}.over"

    def holdout_look(self) -> int | None:
        """Return the number of this search's look at the holdout; None if none is counted."""
        with explained(self._look_path):
            try:
                text = read_text(self._look_path, 100)
            except FileNotFoundError:
                return None
            except UnicodeDecodeError:
                text = ""
        if not (text.strip().isascii() and text.strip().isdecimal()):
            raise DataError(f"{self._look_path} is damaged; remove it, and the look is counted again.")
        return int(text)

    def write_holdout_look(self, number: int) -> None:
        """Note the number of this search's look at the holdout, so that a resumed search does not count it again."""
        write_text(self._look_path, f"{number}\n")

    @contextmanager
    def ray_storage(self) -> Iterator[Path]:
        """Yield an empty folder for Ray Tune's own files, and remove it afterwards."""
        storage = self.directory / _RAY
        shutil.rmtree(storage, ignore_errors=True)
        try:
            yield storage
        finally:
            shutil.rmtree(storage, ignore_errors=True)

    def mark_recorded(self) -> None:
        """Note that MLflow has the result of the search."""
        with explained(self.directory):
            self._recorded_path.touch()

    @property
    def is_recorded(self) -> bool:
        """Whether MLflow has the result of the search."""
        return self._recorded_path.exists()

    # The process that works on the search

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the search, so that no second process works on it. The lock is released when its holder dies.

        Raises:
            SettingError: Another process works on the search.
            DataError: There is a link in the folder.
            StoreError: The folder cannot be written.
        """
        self.check_links()
        try:
            with file_lock(self._lock_path, wait=False):
                self.stop_path.unlink(missing_ok=True)  # it was meant for an earlier process
                yield
        except LockedError as error:
            raise SettingError(
                f"Another process works on the search {self.name}: {error.holder}. Wait until it ends, or stop it with "
                f"python -m bench.stop {self.name}"
            ) from None

    def check_links(self) -> None:
        """Check that the folder has no link, through which a file elsewhere would be overwritten or uploaded.

        Raises:
            DataError: There is a link in the folder.
        """
        if self.directory.exists() and (link := find_link(self.directory, _RAY)) is not None:
            raise DataError(f"{link} is a link; the folder of a search has none. Remove it, or replace it by a copy.")

    @property
    def is_locked(self) -> bool:
        """Whether a process works on the search. Read access to the folder is enough."""
        return is_locked(self._lock_path)

    @property
    def holder(self) -> str:
        """The process that works on the search, or did last, with its machine, for messages."""
        return lock_holder(self._lock_path)

    def request_stop(self) -> None:
        """Ask the process that works on the search to stop; raises as `lock` does."""
        self.check_links()
        with explained(self.stop_path):
            self.stop_path.touch()


def search_names() -> list[str]:
    """Return the names of all searches that have begun, the newest first."""
    return [path.parent.name for path in sorted(_with_file(_REQUEST), key=lambda p: p.lstat().st_mtime, reverse=True)]


def starting_names() -> list[str]:
    """Return the names of searches that a process is starting: the folder is locked, the request is not written."""
    folders = [SearchFolder(path.parent) for path in _with_file(_LOCK)]
    return sorted(folder.name for folder in folders if not folder.has_begun and folder.is_locked)


def _with_file(name: str) -> list[Path]:
    """Return the paths of the files with this name in the folders of all searches."""
    folder = searches_dir()
    return list(folder.glob(f"*/{name}")) if folder.is_dir() else []


class StoppedMethods:
    """The methods of a search that need no further trials, kept in `stopped.json`.

    A method that was stopped stays stopped when the search is resumed.

    Args:
        directory: The folder of the search.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "stopped.json"

    def read(self) -> dict[str, str]:
        """Return the reason for each method that was stopped."""
        try:
            found = load_json(read_text(self._path)) if self._path.exists() else {}
            return {str(method): str(reason) for method, reason in found.items()}
        except (OSError, ValueError, AttributeError):
            raise DataError(
                f"{self._path} is damaged; remove it, and --resume {self._path.parent.name} decides again which "
                "methods stop."
            ) from None

    def add(self, method: str, reason: str) -> None:
        """Stop a method.

        Args:
            method: Name of the method.
            reason: Why it needs no further trials, as a clause for messages.
        """
        write_text(self._path, json.dumps(self.read() | {method: reason}, indent=1) + "\n")
