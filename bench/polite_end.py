"""How a search that is asked to stop, by a signal or from another machine, ends as after Ctrl-C."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.ledger import Ledger

STOP_IS_LOOKED_FOR_S = 1.0


def as_ctrl_c(number: int, frame: Any) -> None:
    """Handle a signal as Ctrl-C is handled. Where a shell began us with `&`, Ctrl-C is ignored, and this is not."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


@contextmanager
def polite_end(ledger: Ledger) -> Iterator[Callable[[], None]]:
    """Let SIGTERM, which batch systems send, and `bench.stop`, from whatever machine, end the search as Ctrl-C does.

    Yields:
        What listens to SIGTERM again, once Ray has begun to; only from then on is `bench.stop` heard. Before, SIGTERM
        ends this process by way of Ray's handler, which comes to the same here.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    ended, listening = threading.Event(), threading.Event()

    def look_for_stop() -> None:
        while not ended.wait(STOP_IS_LOOKED_FOR_S):
            if listening.is_set() and ledger.stop_path.exists():
                ledger.stop_path.unlink(missing_ok=True)
                os.kill(os.getpid(), signal.SIGTERM)

    def hear_sigterm() -> Any:
        return signal.signal(signal.SIGTERM, as_ctrl_c)

    def listen() -> None:
        hear_sigterm()
        listening.set()

    before = hear_sigterm()
    listener = threading.Thread(target=look_for_stop, daemon=True)
    listener.start()
    try:
        yield listen
    except SystemExit as end:
        if end.code == signal.SIGTERM:
            raise KeyboardInterrupt from None
        raise
    finally:
        ended.set()
        listener.join()
        signal.signal(signal.SIGTERM, before)
