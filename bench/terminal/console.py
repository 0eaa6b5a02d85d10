"""How every program writes to the terminal, and its exit codes.

A mistake of the user gives one red sentence and no traceback. Whatever a program writes is plain text: no part of it
is read as markup, and control characters, which names of files and classes may contain, are shown as escapes.
"""

import errno
import functools
import io
import os
import re
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
_NO_MEMORY = re.compile(r"failed to map segment|cannot allocate memory", re.IGNORECASE)
"""What the loader of libraries says where memory is limited."""


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


def replace_unencodable() -> None:
    """Let the two outputs show `?` for a character that their encoding lacks, as on a terminal that is not UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def machine_fault(error: Exception) -> str | None:
    """Return what to do about an error of the operating system that any program can meet, or None for other errors.

    >>> machine_fault(OSError(errno.ENAMETOOLONG, "File name too long", "a" * 5000))
    'A path of 5000 characters is too long for this system; give a shorter one.'
    >>> machine_fault(OSError(errno.ENOENT, "No such file or directory", "a"))
    """
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        length = len(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else 0
        what = f"A path of {length} characters" if length else "A path"
        return f"{what} is too long for this system; give a shorter one."
    is_memory = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    if is_memory or (isinstance(error, ImportError) and _NO_MEMORY.search(str(error))):
        return (
            "There is too little memory for this program; end other programs, or raise the limit of this shell "
            "(`ulimit -v unlimited`) or of the batch job."
        )
    return None


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
