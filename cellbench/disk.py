"""Files that are written whole or not at all, on a disk that may be full, by several processes at once."""

import errno
import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cellbench.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows: works without the lock, processes may then do the same work twice
    fcntl = None  # type: ignore[assignment]

_RESERVE_BYTES = 64 * 2**20  # left free, so that logs and databases on the same disk can go on
_LEFTOVER_AGE_S = 3600.0


def temporary_name(path: Path) -> Path:
    """Return a free, hidden name beside `path`, on the same file system."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def sweep_leftovers(path: Path) -> None:
    """Remove what writers of `path` that were killed have left beside it; a living one has written within the hour."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            inside = list(leftover.iterdir()) if leftover.is_dir() else []
            if time.time() - max(file.stat().st_mtime for file in (leftover, *inside)) > _LEFTOVER_AGE_S:
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one sentence that names `path`.

    Raises:
        StoreError: Instead of any OSError that is not one already.
    """
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = "free some space, or let" if full else "let"
        raise StoreError(
            f"{path} cannot be written ({reason}); {way_out} CELLBENCH_HOME point to another place."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a small text file, whole or not at all."""
    temporary = temporary_name(path)
    with explained(path):
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()


def check_free_space(directory: Path, n_bytes: int) -> None:
    """Refuse to start writing what cannot fit.

    Args:
        directory: Where it will be written; need not exist yet.
        n_bytes: How much will be written.

    Raises:
        StoreError: If the disk has not that much left, and a small reserve.
    """
    existing = next(folder for folder in (directory, *directory.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if n_bytes + _RESERVE_BYTES > free:
        raise StoreError(
            f"{directory} needs {in_words(n_bytes)} and its disk has {in_words(free)} left, of which "
            f"{in_words(_RESERVE_BYTES)} must stay free; "
            "free some space, or let CELLBENCH_HOME point to another disk."
        )


def in_words(n_bytes: int) -> str:
    """Return a number of bytes for a reader.

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
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; it is freed when its holder dies.

    Args:
        path: The lock's file, made where it is missing and left in place.
    """
    if fcntl is None:
        yield
        return
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a")
    with handle:
        with suppress(OSError):  # a file system without locks: go on, every file is still replaced whole
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
