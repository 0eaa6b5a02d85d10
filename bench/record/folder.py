"""The folder of a search: what was asked for, and what became of each trial.

It is the one truth about a search. MLflow shows what is in it, `--resume` goes on from it, `bench.results` reads it.

    searches/NAME/
        request.yaml        what was asked for, every default filled in
        summary.json        how it ended; there only once it has
        table.csv, figure.png
        trials/KEY/         one folder per trial: result.json, embeddings.npz, ... of cellbench.trials.run, and
            trial.json      what the driver knows of it
            history.jsonl   its metrics, a line an epoch
            checkpoint/     while it is not finished
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from bench.home.paths import searches_dir
from bench.record.trial import TrialRecord
from cellbench.disk import explained, write_text
from cellbench.errors import DataError, NotFoundError, SettingError
from cellbench.registry import nearest


class SearchFolder:
    """Reads and writes the folder of one search.

    Args:
        directory: The folder.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = directory.name

    @classmethod
    def open(cls, name: str) -> "SearchFolder":
        """Open the folder of a search that was begun.

        Raises:
            NotFoundError: There is none of that name.
        """
        directory = searches_dir() / name
        if not name or len(name) > 100 or not (directory / "request.yaml").is_file():
            known = search_names()
            raise NotFoundError(f"There is no search '{name}' in {searches_dir()}; {nearest(name, known)}")
        return cls(directory)

    @property
    def request_path(self) -> Path:
        """Where the request is."""
        return self.directory / "request.yaml"

    def trial_directory(self, key: str) -> Path:
        """Return the folder of a trial."""
        return self.directory / "trials" / key

    def write(self, record: TrialRecord) -> None:
        """Write what is known of a trial, whole or not at all."""
        directory = self.trial_directory(record.key)
        with explained(directory):
            directory.mkdir(parents=True, exist_ok=True)
        write_text(directory / "trial.json", record.model_dump_json(indent=1))

    def records(self, stage: str | None = None) -> list[TrialRecord]:
        """Return the trials of a stage (of all) in their order.

        Raises:
            DataError: A record is damaged.
        """
        found = []
        for path in sorted(self.directory.glob("trials/*/trial.json")):
            try:
                found.append(TrialRecord.model_validate_json(path.read_text(encoding="utf-8")))
            except (ValueError, OSError) as error:  # no JSON, no UTF-8, not the fields
                also = " and summary.json" if self.has_ended else ""  # else --resume only prints the end
                raise DataError(
                    f"{path} is damaged; remove its folder{also}, and --resume {self.name} trains it again."
                ) from error
        chosen = [record for record in found if stage in (None, record.stage)]
        return sorted(chosen, key=lambda record: (STAGES.index(record.stage), record.number))

    def append_history(self, key: str, epoch: int, metrics: dict[str, float]) -> dict[str, Any]:
        """Add the metrics of an epoch; return the entry as `history` will."""
        entry = {"epoch": epoch, "time": time.time(), "metrics": metrics}
        path = self.trial_directory(key) / "history.jsonl"
        with explained(path), path.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, 2)
                if file.read() != b"\n":  # a full disk, or a crash, left half a line
                    file.write(b"\n")
            file.write(json.dumps(entry).encode() + b"\n")
        return entry

    def history(self, key: str) -> list[dict[str, Any]]:
        """Return `epoch`, `time` and `metrics` of each epoch, the last word on each, in their order."""
        path = self.trial_directory(key) / "history.jsonl"
        if not path.exists():
            return []
        found: dict[int, dict[str, Any]] = {}
        for line in path.read_bytes().splitlines():
            with suppress(ValueError, TypeError, KeyError):  # what was being written when the driver was killed
                entry = json.loads(line)
                found[int(entry["epoch"])] = {name: entry[name] for name in ("epoch", "time", "metrics")}
        return [found[epoch] for epoch in sorted(found)]

    @property
    def summary_path(self) -> Path:
        """Where it is written how the search ended; there only once it has."""
        return self.directory / "summary.json"

    @property
    def has_ended(self) -> bool:
        """Whether the search came to its end."""
        return self.summary_path.exists()

    def mark_recorded(self) -> None:
        """Note that MLflow knows how the search ended."""
        (self.directory / ".recorded").touch()

    @property
    def is_recorded(self) -> bool:
        """Whether MLflow knows how the search ended."""
        return (self.directory / ".recorded").exists()

    @property
    def stop_path(self) -> Path:
        """File that asks the process which works on the search to stop."""
        return self.directory / ".stop"

    @property
    def holder(self) -> str:
        """The process that works on the search, or last did, in words."""
        with suppress(OSError):
            return (self.directory / ".lock").read_text().strip() or "another process"
        return "another process"

    @property
    def is_locked(self) -> bool:
        """Whether a process works on the search."""
        import fcntl

        try:
            with (self.directory / ".lock").open() as handle:  # to read it is enough, and may be all that is allowed
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the search, so that no second process works on it; freed when its holder dies.

        Raises:
            SettingError: Another process holds it.
        """
        path = self.directory / ".lock"
        with explained(path):
            self.directory.mkdir(parents=True, exist_ok=True)
            handle = path.open("a+")
        with handle:
            with suppress(OSError):  # a file system without locks
                if not _locked(handle):
                    raise SettingError(
                        f"The search {self.name} is being worked on by {self.holder}; wait for it, or end it by "
                        f"python -m bench.stop {self.name}"
                    )
            self.stop_path.unlink(missing_ok=True)  # what was meant for an earlier process
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {os.uname().nodename}")
            handle.flush()
            yield


def _locked(handle: IO[str]) -> bool:
    """Lock a file, and return whether that was possible; whoever merely looks holds it for an instant."""
    import fcntl

    for wait in (0.05, 0.2, None):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait is not None:
                time.sleep(wait)
        else:
            return True
    return False


STAGES = ("search", "folds", "final", "oracle")
"""Stages of a search in their order."""


def search_names() -> list[str]:
    """Return the searches of the home, the newest first."""
    folder = searches_dir()
    found = [path.parent for path in folder.glob("*/request.yaml")] if folder.is_dir() else []
    return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def starting_names() -> list[str]:
    """Return the searches that a process has just begun: their folder is there and locked, their request is not."""
    folder = searches_dir()
    begun = [path.parent for path in folder.glob("*/.lock")] if folder.is_dir() else []
    return sorted(path.name for path in begun if not (path / "request.yaml").is_file() and SearchFolder(path).is_locked)


class StoppedMethods:
    """Which methods need no further trials and why, kept in the search's folder: once said, it stands.

    Args:
        directory: The search's folder.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "stopped.json"

    def read(self) -> dict[str, str]:
        """Return the reason for each method that was ended."""
        with explained(self._path):
            return dict(json.loads(self._path.read_text(encoding="utf-8"))) if self._path.exists() else {}

    def add(self, method: str, reason: str) -> None:
        """End a method."""
        write_text(self._path, json.dumps(self.read() | {method: reason}, indent=1) + "\n")
