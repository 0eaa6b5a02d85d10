"""Threads of torch that sleep while they wait for one another."""

import os


def let_threads_sleep() -> None:
    """Ask OpenMP for threads that sleep at a barrier in place of keeping their core busy; child processes inherit it.

    It counts only before torch is loaded. Two trainings of two threads each on two cores otherwise come nearly to a
    stand-still, as each core is kept busy by threads that wait for one that has no core (docs/performance.md). What
    the user's environment says stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
