"""All patches in one NumPy array, and their labels in a text file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.importers import IMPORTERS, Importer, ImportOptions, Manifest
from cellbench.importers.images import ImageReader


class ArrayReader(ImageReader):
    """Reads the images of an array. An image is identified by its position.

    Args:
        patches: uint8, N × H × W × 3.
    """

    def __init__(self, patches: NDArray[np.uint8]) -> None:
        super().__init__()
        self.patches = patches

    def size(self, source: str) -> tuple[int, int]:
        """Return height and width of an image in px."""
        return self.patches.shape[1], self.patches.shape[2]

    def image(self, source: str) -> NDArray[np.uint8]:
        """Return an image, uint8, H × W × 3."""
        return np.array(self.patches[int(source)])


def read_npy(path: Path, options: ImportOptions) -> Manifest:
    """Return the patches of a folder with `patches.npy` and `labels.txt`.

    Args:
        path: The folder. The array is uint8, N × H × W × 3. The text file has one label per line; an empty line is a
            patch without a label.
        options: None of the options of single formats is used.

    Raises:
        DataError: A file is missing, damaged, or of another shape.
    """
    for file in (path / "patches.npy", path / "labels.txt"):
        if not file.is_file():
            raise DataError(f"There is no file {file}; give the folder that contains patches.npy and labels.txt.")
    try:
        patches = np.load(path / "patches.npy", mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise DataError(f"{path / 'patches.npy'} cannot be read ({error}); write it again with numpy.save.") from error
    if patches.ndim != 4 or patches.shape[3] != 3 or patches.dtype != np.uint8:
        raise DataError(
            f"{path / 'patches.npy'} is {patches.dtype} with shape {patches.shape}; it must be uint8, N × H × W × 3."
        )
    labels = (path / "labels.txt").read_text(encoding="utf-8").splitlines()
    if len(labels) != len(patches):
        raise DataError(f"{path} has {len(patches)} patches but {len(labels)} labels; write one line per patch.")
    sources = [str(number) for number in range(len(patches))]
    table = pd.DataFrame({"source": sources, "label": [label.strip() or None for label in labels]}, dtype=object)
    return Manifest(table, reader=ArrayReader(patches))


def write_npy_example(folder: Path, patches: NDArray[np.uint8], labels: Sequence[str]) -> Path:
    """Write patches and labels in this format; see `Importer.write_example`."""
    np.save(folder / "patches.npy", patches)
    (folder / "labels.txt").write_text("\n".join(labels), encoding="utf-8")
    return folder


NPY = IMPORTERS.register("npy", "one array patches.npy, and labels.txt with a line per patch")(
    Importer(read_npy, write_npy_example)
)
