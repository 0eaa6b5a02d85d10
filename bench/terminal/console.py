"""How every program writes to the terminal, and how it ends: a mistake gives one red sentence, never a traceback."""

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from cellbench.errors import CellbenchError

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")

USER_ERROR = 2
"""Exit code of a mistake that the user can mend."""
INTERRUPTED = 130
"""Exit code after Ctrl-C."""
PIPED_WIDTH = 120


@functools.cache
def console() -> "Console":
    """Return the console for results, on standard output; what is piped or kept is 120 characters wide."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


@functools.cache
def error_console() -> "Console":
    """Return the console for errors and notes, on standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(text: str = "") -> None:
    """Print one line of markup to standard output."""
    console().print(text, soft_wrap=True)


def note(text: str) -> None:
    """Print one line of plain text to standard error, so that piped results stay clean."""
    error_console().print(text, markup=False, soft_wrap=True)


def user_errors(program: Callable[P, R]) -> Callable[P, R]:
    """Turn a `CellbenchError` into one red sentence and exit code 2, and Ctrl-C into exit code 130.

    It goes between `@app.command()` and the function.
    """

    @functools.wraps(program)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return program(*args, **kwargs)
        except CellbenchError as error:
            error_console().print(str(error), style="red", markup=False, soft_wrap=True)
            raise SystemExit(USER_ERROR) from None
        except KeyboardInterrupt:
            error_console().print("Stopped.", style="yellow")
            raise SystemExit(INTERRUPTED) from None

    return wrapped
