"""Starts or joins a Ray cluster, and divides its CPUs and GPUs among trials."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from cellbench.errors import SettingError

OBJECT_STORE_BYTES = 200 * 2**20
"""Patches reach workers as a memory map, so Ray's own store stays small."""
TRIAL_MEMORY_BYTES = 1.5 * 2**30
"""Memory that a trial's process takes, torch and its libraries included."""


@dataclass(frozen=True)
class Machine:
    """What there is to share.

    Attributes:
        cpus: CPUs of the cluster.
        gpus: GPUs of the cluster.
        memory_bytes: Memory that is free; None where it is not known.
    """

    cpus: int
    gpus: int
    memory_bytes: int | None = None


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
    """Divide a machine among trials.

    Args:
        machine: What there is.
        concurrent: Trials at once; `auto` fills the machine, up to `max_concurrent` (on each GPU, if there are any).
        cpus_per_trial: CPUs of a trial; `auto` divides all.
        gpus_per_trial: GPUs of a trial, a fraction where several share one; `auto` divides all.
        max_concurrent: Most trials at once that `auto` chooses.

    Raises:
        SettingError: The machine has not what is asked for.
    """
    _check_asked(machine, concurrent, cpus_per_trial, gpus_per_trial)
    least_cpus = 1 if cpus_per_trial == "auto" else cpus_per_trial
    fit = machine.cpus // least_cpus
    if concurrent == "auto":
        wanted = max_concurrent * max(1, machine.gpus)
        if machine.memory_bytes is not None:
            wanted = min(wanted, max(1, int(machine.memory_bytes // TRIAL_MEMORY_BYTES)))
    else:
        wanted = concurrent
    if machine.gpus == 0:
        gpus = 0.0
    elif gpus_per_trial == "auto":
        on_each = -(-min(wanted, fit) // machine.gpus)
        gpus = round(1 / on_each - 5e-5, 4) if on_each > 1 else 1.0
    else:
        gpus = float(gpus_per_trial)
    if gpus > 0:
        fit = min(fit, machine.gpus * int(1 / gpus + 1e-9) if gpus <= 1 else int(machine.gpus // gpus))
    if concurrent != "auto" and concurrent > fit:
        raise SettingError(
            f"--concurrent {concurrent} does not fit: with {least_cpus} CPU and {gpus:g} GPU each, {fit} trials run at "
            f"once on {_in_words(machine)}; lower it, or --cpus-per-trial or --gpus-per-trial."
        )
    at_once = max(1, min(wanted, fit))
    cpus = max(1, machine.cpus // at_once) if cpus_per_trial == "auto" else cpus_per_trial
    return Plan(at_once, cpus, gpus)


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
            options["address"] = address
        try:
            with _shielded_from_sigterm():
                ray.init(**options)
        except Exception as error:
            if address is None:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise SettingError(f"Ray cannot start on this machine ({reason}).") from error
            raise _no_cluster(address) from error
    for name in ("ray", "ray.tune", "ray.train", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    found = ray.cluster_resources()
    return Machine(int(found.get("CPU", 1)), int(found.get("GPU", 0)), machine.memory_bytes if machine else None)


@contextmanager
def _shielded_from_sigterm() -> Iterator[None]:
    """Let processes started here ignore SIGTERM, as Ray's ignore Ctrl-C.

    `timeout` and batch systems send it to all processes at once; the search must find Ray still there to end politely.
    Ray itself kills what does not end by SIGTERM.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def warm_up(plan: Plan) -> None:
    """Let as many workers as there are trials at once import what a trial needs, while the driver goes on.

    Ray gives a trial the worker of a task that has ended.
    """
    import ray

    task = ray.remote(num_cpus=plan.cpus, max_retries=0)(_import_libraries)
    for _ in range(plan.concurrent):
        task.remote()


def _import_libraries() -> None:
    import timm  # noqa: F401

    import cellbench.trials  # noqa: F401


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
    if cpus != "auto" and not 1 <= int(cpus) <= machine.cpus:
        raise SettingError(f"--cpus-per-trial {cpus} cannot be met: there are {_in_words(machine)}.")
    if gpus == "auto":
        return
    asked = float(gpus)
    if asked < 0 or (asked > 1 and asked != int(asked)):
        raise SettingError(f"--gpus-per-trial {asked:g}: give a fraction of one GPU or a whole number of them.")
    if asked > machine.gpus:
        raise SettingError(
            f"--gpus-per-trial {asked:g} cannot be met: there are {_in_words(machine)}; "
            "leave the option away, or join a cluster with GPUs by --address."
        )


def _check_reachable(address: str) -> None:
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise SettingError(f"--address {address} is neither `auto` nor HOST:PORT.")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        raise _no_cluster(address) from None


def _no_cluster(address: str) -> SettingError:
    return SettingError(
        f"No Ray cluster answers at {address}; start one by `ray start --head`, or leave --address away to use this "
        "machine."
    )


def _in_words(machine: Machine) -> str:
    return f"{machine.cpus} CPUs and {machine.gpus or 'no'} GPU{'s' if machine.gpus != 1 else ''}"
