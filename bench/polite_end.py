"""How a search that is asked to stop, by a signal or from another machine, ends as after Ctrl-C."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.ledger import Ledger

STOP_IS_LOOKED_FOR_S = 1.0


@contextmanager
def polite_end(ledger: Ledger) -> Iterator[Callable[[], Any]]:
    """Let SIGTERM, which batch systems send, and `bench.stop`, from whatever machine, end the search as Ctrl-C does.

    Yields:
        What listens to SIGTERM again, once something else has begun to.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    ended = threading.Event()

    def look_for_stop() -> None:
        while not ended.wait(STOP_IS_LOOKED_FOR_S):
            if ledger.stop_path.exists():
                ledger.stop_path.unlink(missing_ok=True)
                os.kill(os.getpid(), signal.SIGTERM)

    ledger.stop_path.unlink(missing_ok=True)  # what was meant for an earlier process

    def listen() -> Any:
        return signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))

    before = listen()
    listener = threading.Thread(target=look_for_stop, daemon=True)
    listener.start()
    try:
        yield listen
    finally:
        ended.set()
        listener.join()
        signal.signal(signal.SIGTERM, before)
