"""Drawing of whole marrow data sets, in one or several processes, to memory or to disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import NotFoundError, SettingError, StoreError
from cellbench.marrow.cells import CLASS_NAMES, FREQUENCIES, MATURATION
from cellbench.marrow.spec import BUILTIN, MARROW_VERSION, MarrowSpec
from cellbench.registry import nearest

if TYPE_CHECKING:
    from cellbench.patches.patchset import PatchSet

_HEADER = Struct("<qqqddd")
"""Header of a record on a worker's pipe: index, slide, class code, radius, x, y. The bytes of patch and mask follow."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class MarrowRecord:
    """One drawn patch with its mask, class, slide and position."""

    index: int
    slide: int
    class_code: int
    """Code into `CLASS_NAMES`, −1 for an artefact."""
    radius_px: float
    """sqrt(area / π) of the whole true outline in px, also if the border of the patch cuts it."""
    x: float
    """Column of the cell's centre, in px from the left border of the patch."""
    y: float
    """Row of the cell's centre, in px from the top border of the patch."""
    patch: NDArray[np.uint8]
    """uint8, 0–255, shape (H, H, 3)."""
    mask: NDArray[np.uint8]
    """uint8, 1 inside the outline, shape (H, H)."""


@dataclass(frozen=True)
class MarrowPatches:
    """A marrow data set in memory."""

    spec: MarrowSpec
    patches: NDArray[np.uint8]
    """uint8, 0–255, shape (N, H, H, 3)."""
    masks: NDArray[np.uint8]
    """uint8, 1 inside the outline of the centre cell, shape (N, H, H)."""
    index: pd.DataFrame
    """N rows: id, label (None for artefacts), group (the slide), radius_px, x, y, and roles if the spec fixes them."""


def draw_record(spec: MarrowSpec, index: int) -> MarrowRecord:
    """Draw patch `index`. The result depends only on the spec and the index."""
    from cellbench.marrow.scene import draw_mask, draw_patch, plan_patch

    plan = plan_patch(spec, index)
    um = spec.um_per_px
    x, y = plan.centre_um[0] / um, plan.centre_um[1] / um
    patch, mask = draw_patch(spec, plan), draw_mask(spec, plan)
    return MarrowRecord(index, plan.slide, plan.class_code, plan.radius_um / um, x, y, patch, mask)


def iterate_records(spec: MarrowSpec, n_processes: int = 1) -> Iterator[MarrowRecord]:
    """Yield all patches in order. The number of processes does not change them.

    Args:
        spec: Specification of the data set.
        n_processes: Number of processes that draw.

    Raises:
        SettingError: `n_processes` is below 1.
        StoreError: A process that draws has died.
    """
    if n_processes < 1:
        raise SettingError(f"n_processes must be 1 or more. Got {n_processes}.")
    if n_processes == 1:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

        with threadpool_limits(1):  # the matrices are tiny, so threads only add overhead
            for index in range(spec.n_patches):
                yield draw_record(spec, index)
        return
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(spec, k, n_processes)) for k in range(n_processes)]
        for index in range(spec.n_patches):
            yield workers[index % n_processes].next_record()


class _Worker:
    """A process that draws every n-th patch and writes it to a pipe.

    It is a program with a pipe, not `multiprocessing`, because that would import the caller's main module again.
    """

    def __init__(self, spec: MarrowSpec, first: int, step: int) -> None:
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        environment["PYTHONPATH"] = os.pathsep.join(path or os.curdir for path in sys.path)
        program = [sys.executable, "-m", "cellbench.marrow.worker"]
        command = [*program, spec.model_dump_json(), str(first), str(step)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment)
        self._size = spec.size

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()  # stops a worker that is still writing
        self._process.terminate()
        self._process.wait()

    def next_record(self) -> MarrowRecord:
        """Read the next patch."""
        index, slide, code, radius, x, y = _HEADER.unpack(self._read(_HEADER.size))
        size = self._size
        patch = np.frombuffer(self._read(size * size * 3), dtype=np.uint8).reshape(size, size, 3)
        mask = np.frombuffer(self._read(size * size), dtype=np.uint8).reshape(size, size)
        return MarrowRecord(index, slide, code, radius, x, y, patch, mask)

    def _read(self, n_bytes: int) -> bytes:
        assert self._process.stdout is not None
        content = self._process.stdout.read(n_bytes)
        if len(content) < n_bytes:
            raise StoreError(
                f"A process that draws marrow patches ended early with exit code {self._process.wait()}. "
                "Its message is above. Try again with n_processes=1."
            )
        return content


def record_bytes(record: MarrowRecord) -> bytes:
    """Return the bytes of a record as a worker writes them: header, patch, mask."""
    head = _HEADER.pack(record.index, record.slide, record.class_code, record.radius_px, record.x, record.y)
    return head + record.patch.tobytes() + record.mask.tobytes()


def _index_row(spec: MarrowSpec, record: MarrowRecord) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": f"marrow-{record.index:06d}",
        "label": CLASS_NAMES[record.class_code] if record.class_code >= 0 else None,
        "group": f"slide-{record.slide:03d}",
        "radius_px": record.radius_px,
        "x": record.x,
        "y": record.y,
    }
    role = spec.role_of(record.index)
    if role is not None:
        row |= {f"in_{name}": name == role for name in ("pool", "labelled", "holdout")}
    return row


def draw_marrow(spec: MarrowSpec, n_processes: int = 1) -> MarrowPatches:
    """Draw a marrow data set to memory.

    Args:
        spec: Specification of the data set.
        n_processes: Number of processes that draw.
    """
    patches = np.empty((spec.n_patches, spec.size, spec.size, 3), dtype=np.uint8)
    masks = np.empty((spec.n_patches, spec.size, spec.size), dtype=np.uint8)
    rows = []
    for record in iterate_records(spec, n_processes):
        patches[record.index], masks[record.index] = record.patch, record.mask
        rows.append(_index_row(spec, record))
    return MarrowPatches(spec, patches, masks, pd.DataFrame(rows))


def write_marrow(
    directory: Path | str,
    spec: MarrowSpec,
    name: str,
    description: str = "",
    n_processes: int = 1,
    replace: bool = False,
) -> PatchSet:
    """Draw a marrow data set to disk, patch by patch and atomically.

    Args:
        directory: Folder of the data set.
        spec: Specification of the data set.
        name: Name of the data set.
        description: Notes of its card.
        n_processes: Number of processes that draw.
        replace: Whether an existing folder may be replaced.

    Raises:
        StoreError: The folder exists and `replace` is false, or the disk does not have enough space.
    """
    from cellbench.patches.write import PatchWriter

    rows = []
    with PatchWriter(Path(directory), spec.n_patches, spec.size, with_masks=True, replace=replace) as writer:
        for record in iterate_records(spec, n_processes):
            writer.add(record.patch, record.mask)
            rows.append(_index_row(spec, record))
        return writer.finish(
            pd.DataFrame(rows),
            name=name,
            seed=spec.seed,
            classes=CLASS_NAMES,
            version=MARROW_VERSION,
            um_per_px=spec.um_per_px,
            licence="Apache-2.0",
            citation="Drawn by cellbench; no patient's cells.",
            source=f"marrow {MARROW_VERSION}: {spec.model_dump_json()}",
            groups_known=True,
            class_order=MATURATION,
            class_frequencies=dict(zip(CLASS_NAMES, FREQUENCIES.tolist(), strict=True)),
            notes=description,
        )


def make_builtin(name: str, directory: Path | str, n_processes: int | None = None) -> PatchSet:
    """Draw a built-in marrow data set to disk.

    Args:
        name: Name in `BUILTIN`.
        directory: Folder of the data set. It must not exist.
        n_processes: Number of processes that draw. None: one for each available core, at most 8.

    Raises:
        NotFoundError: The name is unknown.
        StoreError: The folder exists, or the disk does not have enough space.
    """
    if name not in BUILTIN:
        raise NotFoundError(f"There is no built-in data set '{name}'; {nearest(name, BUILTIN)}")
    builtin = BUILTIN[name]
    return write_marrow(directory, builtin.spec, name, builtin.description, n_processes or _n_cores())


def _n_cores() -> int:
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no sched_getaffinity
        n = os.cpu_count() or 1
    return max(1, min(n, 8))
