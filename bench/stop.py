"""Stops a running search, on this machine or on another that shares its folder.

python -m bench.stop SEARCH
"""

import time
from typing import Annotated

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import note, say, user_errors
from cellbench.errors import SettingError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
@user_errors
def stop(
    search: Annotated[str, typer.Argument(help="Name of the search.")],
    wait: Annotated[float, typer.Option(min=0, max=1e6, help="Longest time to wait for its end, s.")] = 120.0,
) -> None:
    """Stop a search. All that is trained so far is kept, and --resume continues the search."""
    from bench.home.paths import searches_dir
    from bench.record.folder import SearchFolder, starting_names

    folder = SearchFolder(searches_dir() / search) if search in starting_names() else SearchFolder.open(search)
    if not folder.is_locked:
        say(f"The search {search} is not running.")
        return
    folder.request_stop()
    note(f"Asked {folder.holder} to stop.")
    end = time.monotonic() + wait
    while folder.is_locked:
        if time.monotonic() > end:
            raise SettingError(
                f"The search {search} has not ended within {wait:g} s; end {folder.holder} with kill -9. "
                "--resume continues the search afterwards."
            )
        time.sleep(0.2)
    if folder.has_ended:
        say(f"The search {search} has just ended. See its trials with: python -m bench.results {search}")
    elif not folder.request_path.exists():
        say("Stopped before anything was written.")
    else:
        say(f"Stopped. Resume with: python -m bench.search --resume {search}")


if __name__ == "__main__":
    app()
