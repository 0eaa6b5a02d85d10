"""A real tracking server, started by `mlflow/serve`."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVE = ROOT / "mlflow" / "serve"


class Server:
    """A tracking server with its own folder.

    Args:
        home: The folder.
    """

    def __init__(self, home):
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.passwords = {}

    def try_to(self, *command):
        return self._run(SERVE, *map(str, command), PYTHON=sys.executable)

    def make(self):
        """Start it by `make server`."""
        return self._run("make", "server", f"BIN={Path(sys.executable).parent}", "INSTALLED=")

    def _run(self, *command, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MAKE"))}
        settings = {"CELLBENCH_SERVER_HOME": str(self.home), "CELLBENCH_SERVER_PORT": str(self.port)}
        environment = {**kept, **settings, **environment}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=400
        )

    def serve(self, *command):
        """Run a command of `mlflow/serve` that must succeed, and return its output."""
        found = self.try_to(*command)
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout.strip()

    def add_user(self, name):
        self.passwords[name] = self.serve("password", name)

    def environment(self, user):
        """Return the environment of a client of a user."""
        account = {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": self.passwords[user]}
        return {**os.environ, "MLFLOW_TRACKING_URI": self.uri, **account}

    def ask(self, user=None, password=None, **headers):
        """Search for experiments as a browser does, and return the HTTP status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json", **headers}
        if user is not None:
            account = b64encode(f"{user}:{password or self.passwords[user]}".encode()).decode()
            headers["Authorization"] = f"Basic {account}"
        connection.request("POST", "/api/2.0/mlflow/experiments/search", '{"max_results": 1}', headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def kill_database(self):
        """Stop PostgreSQL without time to write anything."""
        pid = (self.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]
        os.kill(int(pid), signal.SIGQUIT)

    def signal_mlflow(self, number):
        """Send a signal to all processes of MLflow's server."""
        os.killpg(int((self.home / "mlflow.pid").read_text()), number)

    def secrets(self):
        """Return all secrets of the server."""
        lines = (self.home / "server.env").read_text().splitlines()
        own = dict(line.split("=", 1) for line in lines if line.startswith("MLFLOW_"))
        return [*self.passwords.values(), *own.values()]


@pytest.fixture(scope="session")
def server():
    """A server with the users anna and ben, started by `make server`."""
    if find_spec("flask_wtf") is None or find_spec("psycopg2") is None:
        pytest.skip("the tracking server is not installed; do: make install EXTRAS=dev,server")
    home = Path(tempfile.mkdtemp(prefix="cellbench-", dir="/tmp"))  # the path of a socket must be short
    found = Server(home)
    try:
        begun = found.make()
        if begun.returncode == 2 and "PostgreSQL" in begun.stderr and "not start" not in begun.stderr:
            pytest.skip(begun.stderr.strip())
        assert begun.returncode == 0, begun.stdout + begun.stderr
        assert f"http://127.0.0.1:{found.port} answers" in begun.stdout
        for name in ("anna", "ben"):
            found.add_user(name)
        yield found
    finally:
        found.try_to("stop")
        shutil.rmtree(home)
