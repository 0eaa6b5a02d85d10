"""Starts or joins a Ray cluster, and reads its CPUs and GPUs."""

import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.home.paths import user_home
from bench.home.resources import Machine
from bench.terminal.parsing import LAST_PORT, is_whole
from cellbench.errors import CellbenchError, SettingError, StoreError

START_ADVICE = {
    r"path length cannot exceed": "The path of its temporary folder {folder} is too long for a socket; set RAY_TMPDIR "
    "to a shorter one, for example RAY_TMPDIR=/tmp",
    r"no space left|disk quota|errno 28\b|errno 122\b": "Free some space in {folder} and /dev/shm, or set RAY_TMPDIR "
    "to a folder on another disk",
    r"object.store.*(shm|exceeds)|/dev/shm": "Its object store does not fit; free some space in /dev/shm, or enlarge "
    "it (for a container: --shm-size=1g)",
    r"address already in use|port \S+ is (already )?(in use|used)|bind to port|errno 98\b": "Another program uses a "
    "port that Ray needs; end that program, or unset the variables RAY_…_PORT",
    r"permission denied|read-only file|no such file|not a directory|errno (2|13|20|30)\b": "Its temporary folder "
    "{folder} must exist and be writable; set RAY_TMPDIR to a folder that can be written",
    r"too many open files|errno 24\b": "Raise the number of open files with `ulimit -n 65536`",
    r"cannot allocate memory|out of memory|errno 12\b": "End other programs, or raise the limit of memory",
    r"timed out|timeout|took longer|new thread|temporarily unavailable|errno 11\b|no heartbeat": "Try again when it is "
    "less busy",
}
"""What to do where Ray does not start, by a pattern of the cause. `{folder}` is Ray's temporary folder."""
OBJECT_STORE_BYTES = 200 * 2**20
"""Size of Ray's object store. It is small because workers read patches from a memory map."""


@contextmanager
def cluster(address: str | None, machine: Machine) -> Iterator[Machine]:
    """Start Ray on this machine, or join a cluster, and leave it at the end.

    Args:
        address: `auto` or HOST:PORT of a cluster; None starts one for this process alone.
        machine: CPUs and GPUs that a cluster started here may use.

    Yields:
        CPUs, GPUs and memory of the cluster.

    Raises:
        SettingError: No cluster can be joined at the address.
        StoreError: Ray cannot start on this machine.
    """
    found = connect(address, machine)
    import ray

    try:
        yield found
    finally:
        ray.shutdown()


def connect(address: str | None, machine: Machine | None = None) -> Machine:
    """Start or join a cluster, and return its CPUs, GPUs and memory.

    Args:
        address: `auto` or HOST:PORT of a cluster; None starts one for this process alone.
        machine: CPUs and GPUs that a cluster started here may use; None for all.

    Raises:
        SettingError: No cluster can be joined at the address.
        StoreError: Ray cannot start on this machine.
    """
    import ray

    if not ray.is_initialized():
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
        if address is None:
            # `local`: never join a cluster that happens to run on this machine, or that RAY_ADDRESS names
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
            with _sigterm_blocked():
                ray.init(**options)
        except CellbenchError:
            raise
        except Exception as error:
            if address is None:
                raise StoreError(_start_fault(error)) from error
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


def _start_fault(error: Exception) -> str:
    """Return why Ray cannot start on this machine, and what to do about that cause."""
    reason = (str(error).splitlines() or [""])[0].rstrip(".") or type(error).__name__
    folder = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    advice = next((text for pattern, text in START_ADVICE.items() if re.search(pattern, reason, re.IGNORECASE)), None)
    advice = advice or "Ray's logs are in {folder}/ray/session_latest/logs"
    return f"Ray cannot start on this machine ({reason}). {advice.format(folder=folder)}."


@contextmanager
def _sigterm_blocked() -> Iterator[None]:
    """Block SIGTERM in the processes that the block starts, and keep our own handler of it in this process.

    `timeout` and batch systems send SIGTERM to all processes at once. The search needs Ray to end in an orderly manner,
    so Ray's processes must ignore the signal, as they ignore Ctrl-C; Ray itself kills those that ignore SIGTERM.
    Ray's own handler for the driver would raise `SystemExit` during Ray's start, where it is lost and leaves locks
    behind. Blocking the signal is not enough against that, because threads that exist already do not inherit the mask.
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
    """Call a function in a worker that has the resources of a trial, and return its result.

    Args:
        function: The function; it and its arguments must be picklable.
        args: Its positional arguments.
        cpus: CPUs of the worker.
        gpus: GPUs of the worker; a fraction shares one GPU.

    Raises:
        Exception: The function raised this exception.
    """
    return each_remotely(function, [args], cpus, gpus)[0]


def each_remotely(function: Callable[..., Any], calls: Sequence[Sequence[Any]], cpus: int, gpus: float) -> list[Any]:
    """Call a function several times, in as many workers at once as there are resources, and return the results.

    Args:
        function: The function; it and its arguments must be picklable.
        calls: The positional arguments of each call. Calls start in this order.
        cpus: CPUs of a worker.
        gpus: GPUs of a worker; a fraction shares one GPU.

    Raises:
        Exception: A call raised this exception.
    """
    import ray
    from ray.exceptions import RayTaskError

    task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=2)(function)
    try:
        found: list[Any] = ray.get([task.remote(*args) for args in calls])
    except RayTaskError as error:
        raise error.cause from None
    return found


def _check_reachable(address: str) -> None:
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not is_whole(port) or int(port) > LAST_PORT:
        raise SettingError(f"--address {address} is neither `auto` nor HOST:PORT; write for example 10.0.0.1:6379.")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, UnicodeError):  # `a..b` is not a host name for DNS
        raise _no_cluster(address) from None


def _check_joinable(address: str) -> None:
    """Join and leave the cluster in a separate process, because Ray aborts a process that is not on a node of it."""
    join = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False)"
    found = subprocess.run([sys.executable, "-c", join, address], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return
    if "uthentication token" in found.stderr:
        raise SettingError(
            f"The Ray cluster at {address} does not accept this token; set ~/.ray/auth_token or RAY_AUTH_TOKEN to the "
            "token that its nodes were started with."
        )
    if "Failed to connect to socket" in found.stderr:
        raise SettingError(
            f"This machine is not a node of the Ray cluster at {address}; start the search on a node, or add this "
            f"machine with `ray start --address={address}`."
        )
    raise _no_cluster(address)


def _no_cluster(address: str) -> SettingError:
    return SettingError(
        f"No Ray cluster answers at {address}; start one with `ray start --head`, or omit --address to use this "
        "machine."
    )


def keep_token_private() -> None:
    """Create Ray's token if there is none, readable by its owner alone.

    Ray itself creates a token that every user of the machine can read. Such a token gets the permissions 0600, unless
    another user owns it.

    Raises:
        SettingError: The user has no home folder for the token.
        StoreError: The token cannot be written.
    """
    if os.environ.get("RAY_AUTH_TOKEN"):
        return
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named) if named else user_home() / ".ray" / "auth_token"
    try:
        _make_private(path)
    except OSError as error:
        raise StoreError(
            f"{path}, the token of Ray, cannot be written ({error.strerror or error}); set HOME to a folder that can "
            "be written, or RAY_AUTH_TOKEN_PATH to a file in one."
        ) from error


def _make_private(path: Path) -> None:
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
        with suppress(FileExistsError):  # another search created it first
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)


def let_threads_sleep() -> None:
    """Set OpenMP threads to sleep at a barrier instead of spinning, here and in child processes.

    It has an effect only before torch is loaded. Otherwise two trainings of two threads each on two cores almost stop:
    spinning threads occupy each core and wait for a thread that has no core (docs/performance.md). A policy that is
    already set in the environment stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
