"""The CPUs, GPUs and memory of a machine or cluster, and their division among trials."""

import os
from dataclasses import dataclass
from typing import Literal

from cellbench.errors import SettingError

TRIAL_MEMORY_BYTES = 1.5 * 2**30
"""Memory of the process of a trial, with torch and its libraries."""


@dataclass(frozen=True)
class Machine:
    """The resources of a machine or cluster.

    Attributes:
        cpus: Number of CPUs of the machine, or of all nodes of the cluster.
        gpus: Number of GPUs of the machine, or of all nodes of the cluster.
        memory_bytes: Free memory, bytes; None where it is unknown.
        nodes: Number of CPUs and GPUs of each node; empty for a single machine. A trial runs on one node.
    """

    cpus: int
    gpus: int
    memory_bytes: int | None = None
    nodes: tuple[tuple[int, int], ...] = ()

    def fit(self, cpus: int, gpus: float) -> int:
        """Return how many trials with this number of CPUs and GPUs each run at once."""
        return sum(_fit_on_node(*node, cpus, gpus) for node in self.nodes or ((self.cpus, self.gpus),))

    @property
    def largest(self) -> tuple[int, int]:
        """Largest number of CPUs and of GPUs of a node."""
        nodes = self.nodes or ((self.cpus, self.gpus),)
        return max(cpus for cpus, _ in nodes), max(gpus for _, gpus in nodes)


@dataclass(frozen=True)
class Plan:
    """The resources of each trial.

    Attributes:
        concurrent: Number of trials at once.
        cpus: Number of CPUs of a trial, and of its threads.
        gpus: Number of GPUs of a trial, or its share of one.
    """

    concurrent: int
    cpus: int
    gpus: float


def this_machine() -> Machine:
    """Return the CPUs that this process may use, the GPUs, and the free memory of this machine."""
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
    """Return the resources of each trial on a machine, or on the nodes of a cluster.

    Args:
        machine: The machine or cluster.
        concurrent: Number of trials at once. `auto` fills the machine, with up to `max_concurrent` trials on each
            GPU, or on each node where no node has a GPU.
        cpus_per_trial: Number of CPUs of a trial, and of its threads. The number of threads changes the results, so
            `auto` is 1 whatever else runs. Only trials with a GPU divide all CPUs of their node.
        gpus_per_trial: Number of GPUs of a trial, below 1 where trials share one. `auto` divides all GPUs.
        max_concurrent: Largest number of trials that `auto` lets share a GPU, or a node without a GPU.

    Raises:
        SettingError: The machine does not have these resources.
    """
    _check_typed(machine, concurrent, cpus_per_trial, gpus_per_trial)
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
            f"No node has {least_cpus} CPU and {gpus:g} GPU for a trial; lower --cpus-per-trial or --gpus-per-trial."
        )
    if concurrent != "auto" and concurrent > fit:
        raise SettingError(
            f"--concurrent must be at most {fit}: a trial has {least_cpus} CPU and {gpus:g} GPU, and there are "
            f"{_in_words(machine)}; got {concurrent}. Lower it, or --cpus-per-trial or --gpus-per-trial."
        )
    at_once = min(wanted, fit)
    cpus = least_cpus
    if cpus_per_trial == "auto" and gpus > 0:
        cpus = next(n for n in range(machine.largest[0], 0, -1) if machine.fit(n, gpus) >= at_once)
    return Plan(at_once, cpus, gpus)


def _fit_on_node(node_cpus: int, node_gpus: int, cpus: int, gpus: float) -> int:
    by_cpus = node_cpus // cpus
    if gpus == 0:
        return by_cpus
    on_gpus = node_gpus * int(1 / gpus + 1e-9) if gpus <= 1 else int(node_gpus // gpus)
    return min(by_cpus, on_gpus)


def _share_of_gpu(machine: Machine, wanted: int, cpus: int) -> float:
    """Return the GPUs of a trial so that the wanted trials fit, as far as the nodes with GPUs have CPUs for them."""
    if machine.gpus == 0:
        return 0.0
    beside = sum(node_cpus // cpus for node_cpus, n in machine.nodes or ((machine.cpus, machine.gpus),) if n > 0)
    on_each = -(-min(wanted, beside) // machine.gpus)
    return round(1 / on_each - 5e-5, 4) if on_each > 1 else 1.0


def _check_typed(machine: Machine, concurrent: int | str, cpus: int | str, gpus: float | str) -> None:
    if concurrent != "auto" and int(concurrent) < 1:
        raise SettingError(f"--concurrent must be at least 1; got {concurrent}.")
    if cpus != "auto" and not 1 <= int(cpus) <= machine.largest[0]:
        raise SettingError(f"--cpus-per-trial {cpus} cannot be met: there are {_in_words(machine)}.")
    if gpus == "auto":
        return
    share = float(gpus)
    if share < 0 or (share > 1 and share != int(share)):
        raise SettingError(f"--gpus-per-trial must be a share of one GPU, or a whole number of GPUs; got {share:g}.")
    if share > machine.largest[1]:
        raise SettingError(
            f"--gpus-per-trial {share:g} cannot be met: there are {_in_words(machine)}; "
            "leave it out, or join a cluster with GPUs by --address."
        )


def _in_words(machine: Machine) -> str:
    text = f"{machine.cpus} CPUs and {machine.gpus or 'no'} GPU{'s' if machine.gpus != 1 else ''}"
    if len(machine.nodes) < 2:
        return text
    cpus, gpus = machine.largest
    return f"{text} on {len(machine.nodes)} nodes; no node has more than {cpus} CPUs and {gpus or 'no'} GPUs"
