"""Stops a search on a signal, or from another machine, in the same manner as Ctrl-C."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POLL_S = 1.0
"""Time between two looks for the stop file, s."""


def as_ctrl_c(number: int, frame: Any) -> None:
    """Handle a signal in the same manner as Ctrl-C, also where a shell that used `&` has made us ignore Ctrl-C."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, which batch systems send, end the block in the same manner as Ctrl-C; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, as_ctrl_c)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def graceful_stop(stop_file: Path) -> Iterator[Callable[[], None]]:
    """End the search in the same manner as Ctrl-C on SIGTERM, which batch systems send, and on `bench.stop`.

    `bench.stop` creates the stop file, on this machine or on another that shares the folder.

    Before Ray has started, SIGTERM and Ctrl-C are only recorded. Ray's start forks many processes, and an exception in
    the middle of a fork would be lost and leave a lock behind. A second signal ends the search at once.

    Args:
        stop_file: File that asks the search to stop. It is removed when it is seen.

    Yields:
        A function to call once Ray has started. It raises `KeyboardInterrupt` where a signal was recorded, and lets
        all later signals and the stop file end the search.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    ended, listening, requested = threading.Event(), threading.Event(), threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def record(number: int, frame: Any) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()
        os.write(2, b"Stopping as soon as Ray has started. A second signal stops at once.\n")  # must not buffer

    def poll_stop_file() -> None:
        while not ended.wait(POLL_S):
            if listening.is_set() and stop_file.exists():
                stop_file.unlink(missing_ok=True)
                os.kill(os.getpid(), signal.SIGTERM)

    def listen() -> None:
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        signal.signal(signal.SIGTERM, as_ctrl_c)
        if requested.is_set():
            raise KeyboardInterrupt
        listening.set()

    for number in before:
        signal.signal(number, record)
    poller = threading.Thread(target=poll_stop_file, daemon=True)
    poller.start()
    try:
        yield listen
    finally:
        ended.set()
        poller.join()
        for number, handler in before.items():
            signal.signal(number, handler)
