"""Starts or joins a Ray cluster, and divides its CPUs and GPUs among trials."""

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from bench.threads import let_threads_sleep
from bench.tuning.token import keep_token_private
from cellbench.errors import SettingError, StoreError

OBJECT_STORE_BYTES = 200 * 2**20
"""Patches reach workers as a memory map, so Ray's own store stays small."""
TRIAL_MEMORY_BYTES = 1.5 * 2**30
"""Memory that a trial's process takes, torch and its libraries included."""


@dataclass(frozen=True)
class Machine:
    """What there is to share.

    Attributes:
        cpus: CPUs of the machine, of all nodes of a cluster together.
        gpus: GPUs likewise.
        memory_bytes: Memory that is free; None where it is not known.
        nodes: CPUs and GPUs of each node; empty for a single machine. No trial spans two nodes.
    """

    cpus: int
    gpus: int
    memory_bytes: int | None = None
    nodes: tuple[tuple[int, int], ...] = ()

    def fit(self, cpus: int, gpus: float) -> int:
        """Return how many trials of so many CPUs and GPUs run at once."""
        return sum(_fit_on_node(*node, cpus, gpus) for node in self.nodes or ((self.cpus, self.gpus),))

    @property
    def largest(self) -> tuple[int, int]:
        """Most CPUs and most GPUs that one node has."""
        nodes = self.nodes or ((self.cpus, self.gpus),)
        return max(cpus for cpus, _ in nodes), max(gpus for _, gpus in nodes)


@dataclass(frozen=True)
class Plan:
    """What a trial gets.

    Attributes:
        concurrent: Trials at once.
        cpus: CPUs of a trial, and its threads.
        gpus: GPUs of a trial.
    """

    concurrent: int
    cpus: int
    gpus: float


def this_machine() -> Machine:
    """Return the CPUs this process may use, the GPUs and the free memory of this machine."""
    import psutil
    import torch

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(cpus, torch.cuda.device_count(), psutil.virtual_memory().available)


def plan(
    machine: Machine,
    concurrent: int | Literal["auto"] = "auto",
    cpus_per_trial: int | Literal["auto"] = "auto",
    gpus_per_trial: float | Literal["auto"] = "auto",
    max_concurrent: int = 4,
) -> Plan:
    """Divide a machine, or the nodes of a cluster, among trials.

    Args:
        machine: What there is.
        concurrent: Trials at once; `auto` fills the machine, up to `max_concurrent` on each GPU, or on each node where
            there is none.
        cpus_per_trial: CPUs of a trial; `auto` divides all, as far as no node is asked for more than it has.
        gpus_per_trial: GPUs of a trial, a fraction where several share one; `auto` divides all.
        max_concurrent: Most trials that `auto` lets share a GPU, or a node without one.

    Raises:
        SettingError: The machine has not what is asked for.
    """
    _check_asked(machine, concurrent, cpus_per_trial, gpus_per_trial)
    least_cpus = 1 if cpus_per_trial == "auto" else cpus_per_trial
    if concurrent == "auto":
        wanted = max_concurrent * (machine.gpus or max(1, sum(cpus > 0 for cpus, _ in machine.nodes)))
        if machine.memory_bytes is not None:
            wanted = min(wanted, max(1, int(machine.memory_bytes // TRIAL_MEMORY_BYTES)))
    else:
        wanted = concurrent
    gpus = _share_of_gpu(machine, wanted, least_cpus) if gpus_per_trial == "auto" else float(gpus_per_trial)
    fit = machine.fit(least_cpus, gpus)
    if fit == 0:
        raise SettingError(
            f"A trial of {least_cpus} CPU and {gpus:g} GPU fits on no node: none has both; lower --cpus-per-trial or "
            "--gpus-per-trial."
        )
    if concurrent != "auto" and concurrent > fit:
        raise SettingError(
            f"--concurrent {concurrent} does not fit: with {least_cpus} CPU and {gpus:g} GPU each, {fit} trials run at "
            f"once on {_in_words(machine)}; lower it, or --cpus-per-trial or --gpus-per-trial."
        )
    at_once = min(wanted, fit)
    cpus = least_cpus
    if cpus_per_trial == "auto":
        cpus = next(n for n in range(machine.largest[0], 0, -1) if machine.fit(n, gpus) >= at_once)
    return Plan(at_once, cpus, gpus)


def _fit_on_node(node_cpus: int, node_gpus: int, cpus: int, gpus: float) -> int:
    by_cpus = node_cpus // cpus
    if gpus == 0:
        return by_cpus
    on_gpus = node_gpus * int(1 / gpus + 1e-9) if gpus <= 1 else int(node_gpus // gpus)
    return min(by_cpus, on_gpus)


def _share_of_gpu(machine: Machine, wanted: int, cpus: int) -> float:
    """Return the GPUs of a trial so that as many trials as are wanted, and as the CPUs beside the GPUs allow, fit."""
    if machine.gpus == 0:
        return 0.0
    beside = sum(node_cpus // cpus for node_cpus, n in machine.nodes or ((machine.cpus, machine.gpus),) if n > 0)
    on_each = -(-min(wanted, beside) // machine.gpus)
    return round(1 / on_each - 5e-5, 4) if on_each > 1 else 1.0


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


def _check_asked(machine: Machine, concurrent: int | str, cpus: int | str, gpus: float | str) -> None:
    if concurrent != "auto" and int(concurrent) < 1:
        raise SettingError(f"--concurrent {concurrent}: at least one trial must run at a time.")
    if cpus != "auto" and not 1 <= int(cpus) <= machine.largest[0]:
        raise SettingError(f"--cpus-per-trial {cpus} cannot be met: there are {_in_words(machine)}.")
    if gpus == "auto":
        return
    asked = float(gpus)
    if asked < 0 or (asked > 1 and asked != int(asked)):
        raise SettingError(f"--gpus-per-trial {asked:g}: give a fraction of one GPU or a whole number of them.")
    if asked > machine.largest[1]:
        raise SettingError(
            f"--gpus-per-trial {asked:g} cannot be met: there are {_in_words(machine)}; "
            "leave the option away, or join a cluster with GPUs by --address."
        )


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


def _in_words(machine: Machine) -> str:
    text = f"{machine.cpus} CPUs and {machine.gpus or 'no'} GPU{'s' if machine.gpus != 1 else ''}"
    if len(machine.nodes) < 2:
        return text
    cpus, gpus = machine.largest
    return f"{text} on {len(machine.nodes)} nodes, of which none has more than {cpus} CPUs and {gpus or 'no'} GPUs"
