"""Opens the MLflow user interface of the store that searches write to, at the trials of a search.

python -m bench.ui
python -m bench.ui --search NAME --port 5001
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from bench.home.paths import is_search_name
from bench.terminal.command_line import Command
from bench.terminal.console import note, say, user_errors
from bench.terminal.signals import as_ctrl_c
from cellbench.errors import CellbenchError, SettingError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
HOST = "127.0.0.1"


@app.command(cls=Command)
@user_errors
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 5000,
    search: Annotated[
        str | None, typer.Option(metavar="NAME", help="Search or reproduction to show. Default: the last one.")
    ] = None,
) -> None:
    """Open the MLflow user interface, which only this machine can reach, at the trials of a search, the best first."""
    from bench.tracking.address import shown, store_uri
    from bench.tracking.client import connect

    if search is not None and not is_search_name(search):
        raise SettingError(f"--search {search!r} is no name of a search; python -m bench.results lists them.")
    uri = store_uri()
    if uri.startswith(("http://", "https://")):
        say(f"Runs are on the server. Open {shown(uri).rstrip('/')}/{_page(connect, search)}")
        return
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise SettingError(f"Port {port} is in use, perhaps by another MLflow; choose another with --port.")
    client = connect()  # creates a new database, which several workers of the server must not do at once
    say(f"Open http://{HOST}:{port}/{_page(lambda: client, search)} (Ctrl-C ends it).")
    quiet = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONWARNINGS": "ignore",  # libraries warn about one another
    }
    # The address may have a password, and all users of the machine can read the command line.
    environment = {**os.environ, **quiet, "MLFLOW_BACKEND_STORE_URI": uri}
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(port),
    ]
    # In a process group of its own, so that Ctrl-C reaches only this process, which ends the server without tracebacks.
    server = subprocess.Popen([*command, "--workers", "1"], env=environment, process_group=0)
    signal.signal(signal.SIGTERM, as_ctrl_c)
    try:
        raise SystemExit(server.wait())
    except KeyboardInterrupt:
        server.terminate()
        server.wait()


def _page(connect: Callable[[], Any], search: str | None) -> str:
    """Return the part of the address, from `#`, that shows a search; without one, that shows all experiments.

    Args:
        connect: Returns a client of the store.
        search: Name of the search; None for the last one of this home.

    Raises:
        NotFoundError: Neither this home nor the store has the search.
        DataError: The request of the search is damaged.
        SettingError: The store has no runs of the search.
    """
    from bench.home.paths import searches_dir
    from bench.record.folder import SearchFolder, search_names
    from bench.record.request import Request
    from bench.tracking.views import TRAINING, page_of

    everything = f"#/experiments?{TRAINING}"
    last = next(iter(search_names()), None)
    name = last if search is None else search
    if name is None:
        return everything
    try:
        here = name in search_names()
        page = page_of(connect(), name, Request.read(SearchFolder(searches_dir() / name)) if here else None)
        if page is None:
            SearchFolder.open(name)  # raises where this home has no such search either
            raise SettingError(f"MLflow has no runs of {name} yet; python -m bench.status {name} says how far it is.")
        return page
    except CellbenchError as error:
        if search is not None:
            raise
        note(f"{error} The address shows all experiments.")
        return everything


if __name__ == "__main__":
    app()
