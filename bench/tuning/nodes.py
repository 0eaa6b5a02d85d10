"""Whether every node of a cluster can run trials: the same code, the shared folder, the data set."""

import os
import time
from pathlib import Path
from typing import Any

from cellbench.errors import SettingError

ANSWER_WITHIN_S = 120.0
"""A worker has to start for the answer, and a folder of a file server that is away never answers."""


def check_nodes(directory: Path, dataset: Path, fingerprint: str, cache: Path) -> int:
    """Check on every node of the cluster what its trials will need, and return the number of nodes with CPUs.

    Args:
        directory: The search's folder, just made: a node that sees it sees the driver's home.
        dataset: Folder of the patch set.
        fingerprint: Its fingerprint.
        cache: Folder of resized copies, shared or of the node's own.

    Raises:
        SettingError: A node lacks something, or does not answer; the message names it and the way out.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0, max_retries=0)(_look)
    asked: dict[Any, str] = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU", 0) > 0:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = look.options(scheduling_strategy=there).remote(directory, dataset, fingerprint, cache)
            asked[task] = node["NodeManagerAddress"]
    end = time.monotonic() + ANSWER_WITHIN_S
    waiting = list(asked)
    while waiting:
        done, waiting = ray.wait(waiting, timeout=max(0.0, end - time.monotonic()))
        if not done:
            silent = ", ".join(sorted(asked[task] for task in waiting))
            raise SettingError(
                f"No answer within {ANSWER_WITHIN_S:.0f} s from the cluster's node {silent}; see whether "
                f"{directory} can be read there."
            )
        for task in done:
            try:
                trouble = ray.get(task)
            except Exception as error:  # the node died, or cannot import this file
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                trouble = f"cannot run cellbench ({lines[-1]}); install the same version there"
            if trouble is not None:
                raise SettingError(f"The cluster's node {asked[task]} {trouble}.")
    return len(asked)


def _look(directory: Path, dataset: Path, fingerprint: str, cache: Path) -> str | None:
    """Return what is wrong on this node, as the end of a sentence, or None."""
    from cellbench.disk import explained
    from cellbench.errors import CellbenchError
    from cellbench.patches.card import Card

    shared = "let CELLBENCH_HOME lie on a folder that all nodes share under the same path"
    if not directory.is_dir():
        return f"does not see {directory}; {shared}"
    if not os.access(directory, os.W_OK):
        return f"cannot write to {directory}; let its user do so"
    try:
        found = Card.read(dataset / "card.yaml").fingerprint
        with explained(cache):
            cache.mkdir(parents=True, exist_ok=True)
    except CellbenchError as error:
        return f"is not ready: {str(error).rstrip('.')} ({shared})"
    if found != fingerprint:
        return f"has another data set in {dataset} than this machine; {shared}"
    return None
