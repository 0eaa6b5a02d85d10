"""A progress bar for work that is not a search."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.terminal.console import error_console
from bench.terminal.signals import sigterm_as_ctrl_c


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar, on a terminal only. SIGTERM ends the work in the same manner as Ctrl-C, without traces."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    terminal = error_console()
    with (
        sigterm_as_ctrl_c(),
        Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar,
    ):
        task = bar.add_task("read", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
