"""How every program writes to the terminal, and its exit codes.

A mistake of the user gives one red sentence and no traceback.
"""

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
"""Exit code after a mistake that the user can correct."""
INTERRUPTED = 130
"""Exit code after Ctrl-C."""
PIPED_WIDTH = 120


@functools.cache
def console() -> "Console":
    """Return the console for results, on standard output. Piped output is 120 characters wide."""
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


def say_wrapped(text: str) -> None:
    """Print a text of markup, which a terminal shows broken between words and a pipe gets as one line."""
    console().print(text, soft_wrap=not console().is_terminal)


def note(text: str) -> None:
    """Print one line of plain text to standard error, so that piped results stay clean."""
    error_console().print(text, markup=False, soft_wrap=True)


def print_error(text: str, style: str = "red") -> None:
    """Print one line of plain text to standard error, in a colour.

    Args:
        text: The line.
        style: Colour: red for an error, yellow for a warning.
    """
    error_console().print(text, style=style, markup=False, soft_wrap=True)


def user_errors(program: Callable[P, R]) -> Callable[P, R]:
    """Return the program with a `CellbenchError` as one red sentence and exit code 2, and Ctrl-C as exit code 130.

    The decorator goes between `@app.command()` and the function.
    """

    @functools.wraps(program)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return program(*args, **kwargs)
        except CellbenchError as error:
            print_error(str(error))
            raise SystemExit(USER_ERROR) from None
        except KeyboardInterrupt:
            print_error("Stopped.", "yellow")
            raise SystemExit(INTERRUPTED) from None

    return wrapped
