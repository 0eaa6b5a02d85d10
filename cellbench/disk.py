"""Atomic writes, free space and locks, for files that several processes share on a disk that may be full."""

import errno
import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from cellbench.errors import SettingError, StoreError
from cellbench.input_files import check_regular, read_text

try:
    import fcntl
except ImportError:  # Windows has no flock: without the lock, two processes may do the same work twice.
    fcntl = None  # type: ignore[assignment]

_RESERVE_BYTES = 64 * 2**20  # stays free, so that logs and databases on the same disk can still be written
_LEFTOVER_AGE_S = 3600.0
_RETRY_WAITS_S = (0.05, 0.2)
"""`is_locked` holds a shared lock for an instant, so `file_lock` tries again after these waits."""


class LockedError(SettingError):
    """Another process holds a lock.

    Attributes:
        holder: The process and its machine, for messages.
    """

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is locked by {holder}; wait until it ends.")
        self.holder = holder


def temporary_name(path: Path) -> Path:
    """Return an unused hidden path beside `path`, on the same file system."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def sweep_leftovers(path: Path) -> None:
    """Remove the temporary files of killed writers of `path`.

    A temporary file that was written within the last hour stays, because its writer may still run.
    """
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            inside = list(leftover.iterdir()) if leftover.is_dir() else []
            if time.time() - max(file.stat().st_mtime for file in (leftover, *inside)) > _LEFTOVER_AGE_S:
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Replace an `OSError` by one sentence that names `path`.

    Args:
        path: The file or folder that the block writes.

    Raises:
        StoreError: The block raised an `OSError`.
    """
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some space, or set" if full else "set"
        raise StoreError(f"{path} cannot be written ({reason}); {advice} CELLBENCH_HOME to another folder.") from error


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; at the end of the block, the file written there replaces `path`.

    Raises:
        StoreError: The file cannot be written. The old file stays.
    """
    temporary = temporary_name(path)
    with explained(path):
        try:
            yield temporary
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically, as UTF-8.

    Raises:
        StoreError: The file cannot be written.
    """
    with replaced_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_free_space(directory: Path, n_bytes: int) -> None:
    """Check that a disk has space for a number of bytes and a reserve of 64 MiB.

    Args:
        directory: Folder that will be written; it need not exist yet.
        n_bytes: Number of bytes that will be written.

    Raises:
        StoreError: The disk has too little free space.
    """
    existing = next(folder for folder in (directory, *directory.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if n_bytes + _RESERVE_BYTES > free:
        raise StoreError(
            f"{directory} needs {in_words(n_bytes)}, but its disk has {in_words(free)} left, of which "
            f"{in_words(_RESERVE_BYTES)} must stay free; "
            "free some space, or set CELLBENCH_HOME to a folder on another disk."
        )


def in_words(n_bytes: int) -> str:
    """Return a number of bytes with a decimal unit, for messages.

    >>> in_words(2_500_000_000)
    '2.5 GB'
    """
    value = float(n_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


@contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock between processes, also over a shared file system.

    The operating system releases the lock when its holder dies. While the lock is held, its file names the holder.
    On a file system without locks the block runs unlocked; files are still replaced atomically.

    This is a thin layer over `flock` and not the library `filelock`, for three reasons (filelock 4.2). `filelock`
    opens the file for writing, so a user with read access cannot ask whether it is locked. It does not record the
    holder of a native lock. Without `flock` it fails, or leaves a marker file that outlives a killed holder.

    Args:
        path: The lock's file. It is made where it is missing, and stays.
        wait: Whether to wait until another holder releases the lock.

    Raises:
        LockedError: Another process holds the lock, and `wait` is false.
        StoreError: The file cannot be written.
    """
    if fcntl is None:
        yield
        return
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            check_regular(path)
        handle = path.open("a+")
    with handle:
        with suppress(OSError):  # a file system without locks
            if not _acquired(handle, wait):
                raise LockedError(path, lock_holder(path))
        with explained(path):
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {os.uname().nodename}")
            handle.flush()
        yield


def _acquired(handle: IO[str], wait: bool) -> bool:
    """Lock an open file; return whether the lock was acquired.

    Raises:
        OSError: The file system has no locks.
    """
    if wait:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return True
    for wait_s in (*_RETRY_WAITS_S, None):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait_s is not None:
                time.sleep(wait_s)
        else:
            return True
    return False


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of `file_lock`. Read access to the file is enough."""
    if fcntl is None:
        return False
    try:
        check_regular(path)
        with path.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def lock_holder(path: Path) -> str:
    """Return the process that holds a lock, or held it last, with its machine, for messages."""
    with suppress(OSError, ValueError):
        return read_text(path, 1000).strip() or "another process"
    return "another process"
