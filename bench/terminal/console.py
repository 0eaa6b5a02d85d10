"""How every program writes to the terminal, and its exit codes.

A mistake of the user gives one red sentence and no traceback. Whatever a program writes is plain text: no part of it
is read as markup, and control characters, which names of files and classes may contain, are shown as escapes.
"""

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cellbench.errors import CellbenchError, ListingError, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

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
    return _plain_console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


@functools.cache
def error_console() -> "Console":
    """Return the console for errors and notes, on standard error."""
    return _plain_console(stderr=True)


def _plain_console(**settings: Any) -> "Console":
    """Return a console that reads no markup and shows control characters as escapes, also in the cells of tables."""
    from rich.console import Console

    class PlainConsole(Console):
        def render_str(self, text: str, **settings: Any) -> "Text":
            return super().render_str(printable(text), **settings)

    return PlainConsole(highlight=False, markup=False, emoji=False, **settings)


def say(text: str = "", style: str = "", title: str = "", wrapped: bool = False) -> None:
    """Print one line of plain text to standard output.

    Args:
        text: The line.
        style: Its colour; empty for none.
        title: What precedes it in bold.
        wrapped: Whether a terminal breaks a long line between words; a pipe gets one line.
    """
    from rich.text import Text

    line = Text.assemble((printable(title), "bold"), printable(text))
    console().print(line, style=style, soft_wrap=not (wrapped and console().is_terminal))


def note(text: str) -> None:
    """Print one line of plain text to standard error, so that piped results stay clean."""
    error_console().print(text, soft_wrap=True)


def print_error(text: str, style: str = "red") -> None:
    """Print one line of plain text to standard error, in a colour.

    Args:
        text: The line.
        style: Colour: red for an error, yellow for a warning.
    """
    error_console().print(text, style=style, soft_wrap=True)


def user_errors(program: Callable[P, R]) -> Callable[P, R]:
    """Return the program with a `CellbenchError` as one red sentence and exit code 2, and Ctrl-C as exit code 130.

    The decorator goes between `@app.command()` and the function.
    """

    @functools.wraps(program)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return program(*args, **kwargs)
        except ListingError as error:
            for line in str(error).split("\n"):
                print_error(line)
            raise SystemExit(USER_ERROR) from None
        except CellbenchError as error:
            print_error(str(error))
            raise SystemExit(USER_ERROR) from None
        except KeyboardInterrupt:
            print_error("Stopped.", "yellow")
            raise SystemExit(INTERRUPTED) from None

    return wrapped
