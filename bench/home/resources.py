"""What a machine or cluster has, and how its CPUs and GPUs are divided among trials."""

import os
from dataclasses import dataclass
from typing import Literal

from cellbench.errors import SettingError

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


def _in_words(machine: Machine) -> str:
    text = f"{machine.cpus} CPUs and {machine.gpus or 'no'} GPU{'s' if machine.gpus != 1 else ''}"
    if len(machine.nodes) < 2:
        return text
    cpus, gpus = machine.largest
    return f"{text} on {len(machine.nodes)} nodes, of which none has more than {cpus} CPUs and {gpus or 'no'} GPUs"
