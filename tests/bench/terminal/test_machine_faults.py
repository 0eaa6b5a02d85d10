"""What every program does about the machine it runs on: outputs, paths and memory."""

import errno
import subprocess
import sys

import pytest

from bench.terminal.console import machine_fault

PROGRAM = """
import typer
from bench.terminal.command_line import Command
from bench.terminal.console import note, say
app = typer.Typer(pretty_exceptions_enable=False)

@app.command(cls=Command)
def main():
    say("0.5 ± 0.1 – µm → \\udce4")
    note("± – →")

app()
"""


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", rb"0.5 ? 0.1 ? ?m ? \xe4"), ("latin-1", r"0.5 ± 0.1 ? µm ? \xe4".encode("latin-1"))],
)
def test_a_character_that_the_output_lacks_is_a_question_mark(encoding, shown):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=False, env={"PYTHONIOENCODING": encoding}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == shown
    assert done.stderr.strip() in (b"? ? ?", "± ? ?".encode("latin-1"))


def test_too_little_memory_to_load_a_library_is_one_sentence():
    command = f"ulimit -v 1200000; exec {sys.executable} -m bench.floors --dataset nothing"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "There is too little memory for this program" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 5000), "A path of 5000 characters is too long"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "too little memory"),
        (MemoryError(), "too little memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "too little memory"),
        (ImportError("No module named 'torch'"), None),
        (OSError(errno.EIO, "Input/output error"), None),
    ],
)
def test_only_what_every_program_can_meet_is_explained(error, message):
    found = machine_fault(error)
    assert found is None if message is None else message in found
