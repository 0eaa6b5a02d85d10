"""`make server` starts the tracking server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_make_server_starts_a_server_that_asks_for_a_password(server):
    server.serve("stop")
    settings = {"CELLBENCH_SERVER_HOME": str(server.home), "CELLBENCH_SERVER_PORT": str(server.port)}
    command = ["make", "server", f"BIN={Path(sys.executable).parent}", "INSTALLED="]
    try:
        found = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=300
        )
        assert found.returncode == 0, found.stdout + found.stderr
        assert f"http://127.0.0.1:{server.port} answers" in found.stdout
        assert server.ask("anna") == 200
        assert server.ask() == 401
    finally:
        server.serve("start")
