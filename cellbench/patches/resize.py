"""Copies of all patches at the size a network sees, made once on a node and shared by its processes."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cellbench.disk import check_free_space, explained, file_lock, sweep_leftovers, temporary_name
from cellbench.errors import SettingError

_CHUNK = 256  # patches


def resize_patch(patch: NDArray[np.uint8], size: int, zoom: float = 1.0) -> NDArray[np.uint8]:
    """Resize one patch with an antialiased triangle filter, as torch's bilinear interpolation with antialias does.

    Args:
        patch: uint8, H × W or H × W × 3.
        size: Side of the result in px.
        zoom: 1 or more: only so much of each side is shown, around the centre; 2 shows the middle half.
    """
    sides = patch.shape[1], patch.shape[0]
    low, high = 0.5 * (1 - 1 / zoom), 0.5 * (1 + 1 / zoom)
    box = (low * sides[0], low * sides[1], high * sides[0], high * sides[1])
    return np.asarray(Image.fromarray(patch).resize((size, size), Image.Resampling.BILINEAR, box=box))


def resized_copy(patches: NDArray[np.uint8], size: int, path: Path) -> NDArray[np.uint8]:
    """Return all patches at `size` px as a read-only memory map of `path`, which is made where it is missing.

    Several processes may ask at once: one of them works, the others wait. The file appears whole or not at all.

    Args:
        patches: uint8, N × H × H × 3.
        size: Side in px.
        path: Where the copy is kept; its name must say which patches it holds.

    Raises:
        SettingError: If the size is not positive.
        StoreError: If the disk is full or not writable.
    """
    if size < 1:
        raise SettingError(f"Patches can be resized to 1 px or more, got {size}.")
    shape = (len(patches), size, size, 3)
    if (found := _open_copy(path, shape)) is not None:
        return found
    with file_lock(path.with_suffix(".lock")):
        if (found := _open_copy(path, shape)) is None:
            _write_copy(patches, size, path, shape)
            found = _open_copy(path, shape)
    assert found is not None
    return found


def _open_copy(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    try:
        copy = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # missing, or damaged: it is made again
    return copy if copy.dtype == np.uint8 and copy.shape == shape else None


def _write_copy(patches: NDArray[np.uint8], size: int, path: Path, shape: tuple[int, ...]) -> None:
    sweep_leftovers(path)
    check_free_space(path.parent, int(np.prod(shape)))
    temporary = temporary_name(path)
    n_threads = min(8, os.cpu_count() or 1)
    with explained(path):
        try:
            with temporary.open("wb") as file, ThreadPoolExecutor(n_threads) as threads:
                write_header(file, shape)
                for starts in _batches(range(0, len(patches), _CHUNK), n_threads):
                    for chunk in threads.map(lambda start: _resize_chunk(patches, start, size), starts):
                        file.write(chunk.tobytes())
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()


def _resize_chunk(patches: NDArray[np.uint8], start: int, size: int) -> NDArray[np.uint8]:
    return np.stack([resize_patch(patch, size) for patch in patches[start : start + _CHUNK]])


def _batches(starts: range, n: int) -> Iterator[range]:
    for first in range(0, len(starts), n):
        yield starts[first : first + n]


def write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """Write the head of a .npy file of uint8, so that the patches can follow one by one.

    Plain writing tells of a full disk; a memory map would end the process instead.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
