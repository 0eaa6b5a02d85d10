"""Starts or joins a Ray cluster, and divides its CPUs and GPUs among trials."""

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.home.resources import Machine
from cellbench.errors import SettingError, StoreError

OBJECT_STORE_BYTES = 200 * 2**20
"""Patches reach workers as a memory map, so Ray's own store stays small."""


@contextmanager
def cluster(address: str | None, machine: Machine) -> Iterator[Machine]:
    """Start Ray on this machine, or join a cluster, and leave it at the end.

    Args:
        address: `auto` or HOST:PORT of a cluster; None starts one that serves this process alone.
        machine: What a cluster started here may use.

    Yields:
        What the cluster has.

    Raises:
        SettingError: There is no cluster at that address.
    """
    found = connect(address, machine)
    import ray

    try:
        yield found
    finally:
        ray.shutdown()


def connect(address: str | None, machine: Machine | None = None) -> Machine:
    """Start or join a cluster; return what it has.

    Raises:
        SettingError: There is no cluster at that address.
    """
    import ray

    if not ray.is_initialized():
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
        if address is None:
            # `local`: not a cluster that happens to be on this machine
            options |= {"address": "local", "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
            if machine is not None:
                options |= {"num_cpus": machine.cpus, "num_gpus": machine.gpus}
        else:
            _check_reachable(address)
            _check_joinable(address)
            options["address"] = address
        try:
            if address is None:
                let_threads_sleep()
                keep_token_private()
            with _shielded_from_sigterm():
                ray.init(**options)
        except Exception as error:
            if address is None:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise StoreError(
                    f"Ray cannot start on this machine ({reason.rstrip('.')}). Try again when it is less busy."
                ) from error
            raise _no_cluster(address) from error
    for name in ("ray", "ray.tune", "ray.train", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if address is None:
        found = ray.cluster_resources()
        memory = machine.memory_bytes if machine else None
        return Machine(int(found.get("CPU", 1)), int(found.get("GPU", 0)), memory)
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    nodes = tuple((int(found.get("CPU", 0)), int(found.get("GPU", 0))) for found in alive)
    memory = int(sum(found.get("memory", 0) for found in alive))
    return Machine(sum(cpus for cpus, _ in nodes), sum(gpus for _, gpus in nodes), memory, nodes)


@contextmanager
def _shielded_from_sigterm() -> Iterator[None]:
    """Let processes started here ignore SIGTERM, as Ray's ignore Ctrl-C, and let our own handler of it stay.

    `timeout` and batch systems send it to all processes at once; the search must find Ray still there to end politely.
    Ray itself kills what does not end by SIGTERM. Its handler for the driver would raise `SystemExit` in the middle of
    its own start, where it is lost and leaves locks behind; a mask alone does not keep it away, for threads that are
    there already do not share it.
    """
    from ray._private import utils

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    ray_sets, utils.set_sigterm_handler = utils.set_sigterm_handler, lambda handler: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = ray_sets
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def remotely(function: Callable[..., Any], *args: Any, cpus: int, gpus: float) -> Any:
    """Call a function in a worker that has a trial's resources, and return what it returns."""
    import ray
    from ray.exceptions import RayTaskError

    task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=2)(function)
    try:
        return ray.get(task.remote(*args))
    except RayTaskError as error:
        raise error.cause from None


def _check_reachable(address: str) -> None:
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()):
        raise SettingError(f"--address {address} is neither `auto` nor HOST:PORT.")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        raise _no_cluster(address) from None


def _check_joinable(address: str) -> None:
    """Join and leave in a process of its own: a machine that is no node of the cluster makes Ray abort its process."""
    join = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False)"
    found = subprocess.run([sys.executable, "-c", join, address], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return
    if "uthentication token" in found.stderr:
        raise SettingError(
            f"The Ray cluster at {address} does not take this token; let ~/.ray/auth_token or RAY_AUTH_TOKEN hold "
            "the one its nodes were started with."
        )
    if "Failed to connect to socket" in found.stderr:
        raise SettingError(
            f"This machine is no node of the Ray cluster at {address}; start the search on one that is, or let it "
            f"join by `ray start --address={address}`."
        )
    raise _no_cluster(address)


def _no_cluster(address: str) -> SettingError:
    return SettingError(
        f"No Ray cluster answers at {address}; start one by `ray start --head`, or leave --address away to use this "
        "machine."
    )


def keep_token_private() -> None:
    """Make the token where there is none, readable by its owner alone; Ray would let every user of the machine read it.

    A token that Ray made earlier is closed to others. One that another user owns is left as it is.
    """
    if os.environ.get("RAY_AUTH_TOKEN"):
        return
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        status = path.stat()
        if status.st_mode & 0o077 and status.st_uid == os.getuid():
            path.chmod(0o600)
        return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):  # another search was first
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)


def let_threads_sleep() -> None:
    """Ask OpenMP for threads that sleep at a barrier in place of keeping their core busy; child processes inherit it.

    It counts only before torch is loaded. Two trainings of two threads each on two cores otherwise come nearly to a
    stand-still, as each core is kept busy by threads that wait for one that has no core (docs/performance.md). What
    the user's environment says stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
