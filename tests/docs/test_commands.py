"""Every command and every Python block of README and Getting started runs, with the smallest budgets put in."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from documents import ROOT, blocks
from PIL import Image
from programs import SMALL, Home, wait_until

pytestmark = pytest.mark.slow

BUDGET = (*SMALL, "--trials", "1", "--epochs", "1", "--folds", "1", "--finalists", "1", "--seeds", "1", "--no-oracle")


def draw_images(folder, n=120, size=256, n_slides=12):
    """Write patches of two classes of discs, one folder for each, named by slide."""
    rng = np.random.default_rng(0)
    axis = np.arange(size) - (size - 1) / 2
    distance = np.hypot(axis[:, None], axis[None])
    for number in range(n):
        name, radius = ("large", 70) if number % 2 else ("small", 45)
        pixels = rng.integers(200, 255, 3) + rng.normal(0, 6, (size, size, 3))
        pixels[distance <= radius * rng.normal(1, 0.05)] = (90, 60, 160)
        (folder / name).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        image.save(folder / name / f"slide{number // 2 % n_slides}_{number}.png")
    return folder


class Reader:
    """Somebody who types what a document says, into a home of their own.

    Args:
        folder: Home directory of this person; holds `.cellbench` and the images.
        discs: Data set in place of the built-in one, which takes half a minute to draw.
    """

    def __init__(self, folder, discs):
        self.home = Home(folder / ".cellbench", discs)
        self.images = draw_images(folder / "images")
        self.environment = {**self.home.environment, "HOME": str(folder), "PYTHONPATH": str(ROOT)}

    def follow(self, path, n_blocks=None):
        """Run the first blocks of a document, by default all; return how many commands and Python blocks that were."""
        whole = blocks(path)[:n_blocks]
        shell = [command for block in whole if block.language == "bash" for command in block.commands()]
        self.to_be_stopped = {words[3] for _, words in shell if words[:3] == ["python", "-m", "bench.stop"]}
        count = 0
        for block in whole:
            if block.language == "python":
                self._run(f"{block.path}:{block.line}", [sys.executable, "-W", "ignore", "-c", block.text])
                count += 1
            elif block.language == "bash":
                for place, words in block.commands():
                    self._type(place, words)
                    count += 1
            else:
                assert block.language == "text", f"{block.path}:{block.line}: say what language this block is"
        return count

    def _type(self, place, words):
        if words[:2] == ["python", "-m"]:
            program, arguments = words[2].removeprefix("bench."), [self._filled_in(word) for word in words[3:]]
            command = [sys.executable, "-m", f"bench.{program}", *self._budget(program, arguments)]
            if program == "search" and "--name" in arguments and arguments[-1] in self.to_be_stopped:
                self._start(command)
            elif program == "stop":
                self._stop(place, command)
            else:
                self._run(place, command)
        elif words[0] == "make":
            self._make(place, *words[1:])
        else:
            assert words == ["source", ".venv/bin/activate"], f"{place}: this test does not know how to run {words[0]}"
            assert "VENV := .venv\n" in (ROOT / "Makefile").read_text()

    def _filled_in(self, word):
        if word == "PATH":
            return str(self.images)
        if word == "NAME":
            return max((self.home.path / "searches").iterdir(), key=lambda folder: folder.stat().st_mtime).name
        return word

    @staticmethod
    def _budget(program, arguments):
        if program != "search" or "--resume" in arguments:
            return arguments
        return [*arguments, *BUDGET, *([] if "--dataset" in arguments else ["--dataset", "discs"])]

    def _make(self, place, target):
        if target == "ui":
            self._open_pages(place)
            return
        options = {
            "search": " ".join(["--dataset discs", *BUDGET]),
            "test": "tests/test_disk.py -p no:cacheprovider",
            "install": "",
        }
        self._run(place, [*MAKE, target, f"ARGS={options[target]}"])

    def _open_pages(self, place):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [*MAKE, "ui", f"ARGS=--port {port}"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, process_group=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            assert wait_until(lambda: _status(port, "/") == 200, 300), f"{place}: no page on port {port}"
            assert _status(port, "/", Host="evil.example") == 403
        finally:
            os.killpg(process.pid, signal.SIGINT)
            output = process.communicate(timeout=600)[0].decode()
        assert f"http://127.0.0.1:{port}" in output
        assert "Traceback" not in output
        assert _status(port, "/") is None, f"{place}: the server is still there after Ctrl-C"

    def _start(self, command):
        """Start a search that the document stops later; it is long enough for that."""
        longer = ["--trials", "2", "--epochs", "40", "--scheduler", "none", "--concurrent", "1"]
        self.running = subprocess.Popen(
            [*command, *longer], env=self.environment, cwd=self.home.path, stdout=subprocess.DEVNULL
        )

    def _stop(self, place, command):
        try:
            assert wait_until(lambda: self.home.n_epochs(command[-1]) > 0, 300), f"{place}: the search does not start"
            self._run(place, command)
            assert self.running.wait(timeout=600) == 130
        finally:
            self.running.kill()

    def _run(self, place, command):
        cwd = ROOT if command[0] == "make" else self.home.path
        found = subprocess.run(
            command, env=self.environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=600
        )
        assert found.returncode == 0, f"{place}: {' '.join(command)}\n{found.stdout[-3000:]}\n{found.stderr[-3000:]}"
        assert "Traceback" not in found.stderr
        return found.stdout


MAKE = ("make", "--no-print-directory", f"BIN={Path(sys.executable).parent}", "INSTALLED=")
"""Make with the Python that runs the tests, already installed."""


def _status(port, page, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", page, headers=headers)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def test_the_first_commands_of_the_readme_run(tmp_path, discs):
    """`make search` and `make test`."""
    assert Reader(tmp_path, discs).follow("README.md", n_blocks=1) == 2


# Of these, tests/faults runs searches, their resumption, `bench.results` and `bench.classify`; tests/bench the others.
@pytest.mark.long
@pytest.mark.parametrize("path", ["README.md", "docs/getting-started.md"])
def test_every_command_and_every_python_block_runs(path, tmp_path, discs):
    count = Reader(tmp_path, discs).follow(path)
    assert count >= 10, "the blocks were not found"
