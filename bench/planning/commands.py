"""Commands as text: the one that was typed, the one that resumes, and which Ray a program connects to."""

import os
import shlex
import sys
from pathlib import Path


def typed_command(program: str) -> str:
    """Return the command that was typed, for the record.

    Args:
        program: Module of the program, as `bench.search`.
    """
    as_script = Path(sys.argv[0]).stem == "cellbench"
    return shlex.join([*(["cellbench"] if as_script else ["python", "-m", program]), *sys.argv[1:]])


def resume_command(program: str, name: str, address: str | None) -> str:
    """Return the command that resumes a search or a reproduction, quoted for a shell.

    Args:
        program: Module of the program, as `bench.search`.
        name: Name of the folder.
        address: Ray cluster that it joins; None for none.
    """
    words = ["python", "-m", program, "--resume", name]
    return shlex.join([*words, "--address", address] if address is not None else words)


def where(address: str | None) -> str:
    """Return the first line of a program that trains: the Ray that it connects to.

    Args:
        address: Ray cluster that it joins; None starts a Ray of its own.
    """
    if address is None:
        return "Ray: started on this machine for this search alone."
    named = os.environ.get("RAY_ADDRESS")
    return f"Ray: joins the cluster at {address}{f' (RAY_ADDRESS: {named})' if address == 'auto' and named else ''}."
