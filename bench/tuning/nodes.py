"""Checks that every node of a cluster can run trials: the same code, the shared folder, the data set."""

import os
import time
from pathlib import Path
from typing import Any

from cellbench.errors import SettingError

ANSWER_WITHIN_S = 120.0
"""Longest time for the check, s. A worker starts for it, and reading from a lost file server never returns."""


def check_nodes(directory: Path, dataset: Path, fingerprint: str, cache: Path) -> int:
    """Check every node of the cluster for what trials need, and return the number of nodes with CPUs.

    Args:
        directory: Folder of the search, just created. A node that sees it shares the home of the driver.
        dataset: Folder of the patch set.
        fingerprint: Fingerprint of the patch set.
        cache: Folder of resized copies, shared or local to each node.

    Raises:
        SettingError: A node lacks something or does not answer.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0, max_retries=0)(_look)
    address_of: dict[Any, str] = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU", 0) > 0:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = look.options(scheduling_strategy=there).remote(directory, dataset, fingerprint, cache)
            address_of[task] = node["NodeManagerAddress"]
    end = time.monotonic() + ANSWER_WITHIN_S
    waiting = list(address_of)
    while waiting:
        done, waiting = ray.wait(waiting, timeout=max(0.0, end - time.monotonic()))
        if not done:
            silent = ", ".join(sorted(address_of[task] for task in waiting))
            raise SettingError(
                f"The cluster's node {silent} does not answer within {ANSWER_WITHIN_S:.0f} s; check that "
                f"{directory} can be read there."
            )
        for task in done:
            try:
                trouble = ray.get(task)
            except Exception as error:  # the node died, or cannot import this module
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                trouble = f"cannot run cellbench ({lines[-1]}); install the same version there"
            if trouble is not None:
                raise SettingError(f"The cluster's node {address_of[task]} {trouble}.")
    return len(address_of)


def _look(directory: Path, dataset: Path, fingerprint: str, cache: Path) -> str | None:
    """Return what this node lacks, as the end of a sentence; None if it can run trials."""
    from cellbench.disk import explained
    from cellbench.errors import CellbenchError
    from cellbench.patches.card import Card

    shared = "set CELLBENCH_HOME to a folder that all nodes share under the same path"
    if not directory.is_dir():
        return f"does not see {directory}; {shared}"
    if not os.access(directory, os.W_OK):
        return f"cannot write to {directory}; give its user the permission"
    try:
        found = Card.read(dataset / "card.yaml").fingerprint
        with explained(cache):
            cache.mkdir(parents=True, exist_ok=True)
    except CellbenchError as error:
        return f"is not ready: {str(error).rstrip('.')} ({shared})"
    if found != fingerprint:
        return f"has a different data set in {dataset} than this machine; {shared}"
    return None
