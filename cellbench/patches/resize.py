"""Copies of all patches at the network size. A copy is made once on a node and shared by its processes."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cellbench.disk import check_free_space, explained, file_lock, sweep_leftovers, temporary_name
from cellbench.errors import ChangedDataError, SettingError
from cellbench.input_files import check_regular
from cellbench.patches.index import content_hash

_CHUNK = 256  # patches


def resize_patch(patch: NDArray[np.uint8], size: int, magnification: float = 1.0) -> NDArray[np.uint8]:
    """Resize one patch with an antialiased triangle filter, like torch's bilinear interpolation with antialias.

    Args:
        patch: uint8, H × W or H × W × 3.
        size: Side of the result in px.
        magnification: 1 or more. The result shows the middle part of each side; 2 shows the middle half.
    """
    sides = patch.shape[1], patch.shape[0]
    low, high = 0.5 * (1 - 1 / magnification), 0.5 * (1 + 1 / magnification)
    box = (low * sides[0], low * sides[1], high * sides[0], high * sides[1])
    return np.asarray(Image.fromarray(patch).resize((size, size), Image.Resampling.BILINEAR, box=box))


def resized_copy(
    patches: NDArray[np.uint8], size: int, path: Path, hashes: Callable[[], Sequence[str]]
) -> NDArray[np.uint8]:
    """Return all patches at `size` px as a read-only memory map of `path`. The file is made if it is missing.

    If several processes call this at once, one makes the file and the others wait. The file is written atomically.

    Args:
        patches: uint8, shape (N, H, H, 3).
        size: Side of the result in px.
        path: File of the copy. Its name must identify the patches.
        hashes: Returns the SHA-256 of each patch. It is called only if the file is missing.

    Raises:
        ChangedDataError: A patch does not match its hash, so the copy would not be that of its name.
        SettingError: The size is not positive.
        StoreError: The disk is full or not writable.
    """
    if size < 1:
        raise SettingError(f"Patches can be resized to 1 px or more. Got {size}.")
    shape = (len(patches), size, size, 3)
    if (found := _open_copy(path, shape)) is not None:
        return found
    with file_lock(path.with_suffix(".lock")):
        if (found := _open_copy(path, shape)) is None:
            _write_copy(patches, hashes(), size, path, shape)
            found = _open_copy(path, shape)
    assert found is not None
    return found


def _open_copy(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    try:
        check_regular(path)
        copy = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # missing or damaged: it is made again
    return copy if copy.dtype == np.uint8 and copy.shape == shape else None


def _write_copy(
    patches: NDArray[np.uint8], hashes: Sequence[str], size: int, path: Path, shape: tuple[int, ...]
) -> None:
    sweep_leftovers(path)
    check_free_space(path.parent, int(np.prod(shape)))
    temporary = temporary_name(path)
    n_threads = min(8, os.cpu_count() or 1)
    with explained(path):
        try:
            with temporary.open("wb") as file, ThreadPoolExecutor(n_threads) as threads:
                write_header(file, shape)
                for starts in _batches(range(0, len(patches), _CHUNK), n_threads):
                    for chunk in threads.map(lambda start: _resize_chunk(patches, hashes, start, size), starts):
                        file.write(chunk.tobytes())
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()


def _resize_chunk(patches: NDArray[np.uint8], hashes: Sequence[str], start: int, size: int) -> NDArray[np.uint8]:
    chunk = np.array(patches[start : start + _CHUNK])  # in memory, so that what is checked is what is resized
    for row, patch in enumerate(chunk, start=start):
        if content_hash(patch) != hashes[row]:
            raise ChangedDataError(
                f"Row {row} of patches.npy was changed since the data set was made. Restore the file, or add the data "
                "set again."
            )
    return np.stack([resize_patch(patch, size) for patch in chunk])


def _batches(starts: range, n: int) -> Iterator[range]:
    for first in range(0, len(starts), n):
        yield starts[first : first + n]


def write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """Write the header of a .npy file of uint8, after which the patches can be written one by one.

    A full disk then raises an error. With a writable memory map it would kill the process.

    Args:
        file: File open for writing, at its start.
        shape: Shape of the array.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
