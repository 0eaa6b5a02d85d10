"""How a search that is asked to stop, by a signal or from another machine, ends as after Ctrl-C."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STOP_IS_LOOKED_FOR_S = 1.0


def as_ctrl_c(number: int, frame: Any) -> None:
    """Handle a signal as Ctrl-C is handled. Where a shell began us with `&`, Ctrl-C is ignored, and this is not."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


@contextmanager
def polite_end(stop_file: Path) -> Iterator[Callable[[], None]]:
    """Let SIGTERM, which batch systems send, and `bench.stop`, from whatever machine, end the search as Ctrl-C does.

    Yields:
        What is to be called once Ray has started: from then on SIGTERM, Ctrl-C and `bench.stop` end the search. Before,
        the first two are only kept in mind: an exception in the middle of a fork, of which Ray's start has many, would
        be lost and leave a lock behind. It raises `KeyboardInterrupt` where one of them came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    ended, listening, asked = threading.Event(), threading.Event(), threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def keep_in_mind(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        os.write(2, b"Stopping as soon as Ray has started; asked once more, at once.\n")  # a handler may not buffer

    def look_for_stop() -> None:
        while not ended.wait(STOP_IS_LOOKED_FOR_S):
            if listening.is_set() and stop_file.exists():
                stop_file.unlink(missing_ok=True)
                os.kill(os.getpid(), signal.SIGTERM)

    def listen() -> None:
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        signal.signal(signal.SIGTERM, as_ctrl_c)
        if asked.is_set():
            raise KeyboardInterrupt
        listening.set()

    for number in before:
        signal.signal(number, keep_in_mind)
    listener = threading.Thread(target=look_for_stop, daemon=True)
    listener.start()
    try:
        yield listen
    finally:
        ended.set()
        listener.join()
        for number, handler in before.items():
            signal.signal(number, handler)
