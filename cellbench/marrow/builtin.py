"""The marrow data sets that have a name, and making them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cellbench.errors import NotFoundError
from cellbench.marrow.spec import MarrowSpec

if TYPE_CHECKING:
    from cellbench.patches.patchset import PatchSet


@dataclass(frozen=True)
class Builtin:
    """A named marrow data set."""

    spec: MarrowSpec
    description: str


BUILTIN: dict[str, Builtin] = {
    "marrow-mini": Builtin(
        MarrowSpec(n_patches=2000, n_slides=25, size=96, seed=1),
        "Synthetic bone marrow, small: 2 000 patches of 96 px from 25 slides; pool and labelled patches are the same.",
    ),
    "marrow": Builtin(
        MarrowSpec(n_patches=8000, n_slides=40, size=128, seed=2),
        "Synthetic bone marrow: 8 000 patches of 128 px from 40 slides, divided into pool, labelled and holdout.",
    ),
    "marrow-paper": Builtin(
        MarrowSpec(n_patches=20000, n_labelled=6085, n_holdout=2393, n_slides=80, size=256, seed=3),
        "Synthetic bone marrow, the paper's numbers: 11 522 pool, 6 085 labelled, 2 393 held-out patches of 256 px.",
    ),
}
"""Name → data set. `marrow-mini` is the default of the search command."""


def make_builtin(name: str, directory: Path | str, n_processes: int | None = None) -> PatchSet:
    """Draw a named marrow data set to disk.

    Args:
        name: One of `BUILTIN`.
        directory: Its folder; must not exist yet.
        n_processes: Processes that draw; None: one for each core this process may use, at most 8.

    Raises:
        NotFoundError: If there is none of that name.
        StoreError: If the folder exists, or the disk has no room.
    """
    if name not in BUILTIN:
        raise NotFoundError(f"There is no built-in data set '{name}'; there are {', '.join(sorted(BUILTIN))}.")
    from cellbench.marrow.dataset import write_marrow

    builtin = BUILTIN[name]
    return write_marrow(directory, builtin.spec, name, builtin.description, n_processes or _n_cores())


def _n_cores() -> int:
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        n = os.cpu_count() or 1
    return max(1, min(n, 8))
