"""Opens the MLflow user interface of the store that searches write to.

python -m bench.ui
python -m bench.ui --port 5001
"""

import os
import signal
import socket
import subprocess
import sys
from typing import Annotated

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import say, user_errors
from bench.terminal.signals import as_ctrl_c
from cellbench.errors import SettingError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
HOST = "127.0.0.1"


@app.command(cls=Command)
@user_errors
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 5000,
) -> None:
    """Open the MLflow user interface, which only this machine can reach."""
    from bench.tracking.address import shown, store_uri
    from bench.tracking.client import connect

    uri = store_uri()
    if uri.startswith(("http://", "https://")):
        say(f"Runs are on the server at {shown(uri)}; open that address.")
        return
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise SettingError(f"Port {port} is in use, perhaps by another MLflow; choose another with --port.")
    connect()  # creates a new database, which several workers of the server must not do at once
    # Without the query, MLflow 3.17 shows the traces of an experiment, which are empty, in place of its runs.
    say(f"Open http://{HOST}:{port}/#/experiments?workflowType=machine_learning (Ctrl-C ends it).")
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


if __name__ == "__main__":
    app()
