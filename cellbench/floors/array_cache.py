"""Arrays that are computed once and then read from a file. A file that is missing or damaged is computed again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cellbench.disk import check_free_space, replaced_file, sweep_leftovers
from cellbench.input_files import read_bytes

Arrays = dict[str, np.ndarray]
MAX_BYTES = 2**33
"""Largest size of a file that is read."""
_DIGEST_BYTES = hashlib.sha256().digest_size


def cached_arrays(path: Path, compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of a file. If it is missing or damaged, they are computed and the file is written.

    The file is a SHA-256 of 32 bytes, followed by the arrays as safetensors, and is replaced atomically.

    Args:
        path: The file. Its name must identify all that the arrays depend on.
        compute: Returns the arrays.

    Raises:
        StoreError: The disk is full or not writable.
    """
    if (found := _read(path)) is not None:
        return found
    arrays = compute()
    _write(path, arrays)
    return arrays


def _read(path: Path) -> Arrays | None:
    from safetensors.numpy import load

    try:
        content = read_bytes(path, MAX_BYTES)
    except OSError:
        return None
    digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return load(payload) if hashlib.sha256(payload).digest() == digest else None


def _write(path: Path, arrays: Arrays) -> None:
    from safetensors.numpy import save

    payload = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    check_free_space(path.parent, len(payload))
    with replaced_file(path) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_leftovers(path)
        temporary.write_bytes(hashlib.sha256(payload).digest() + payload)
