"""Changes of a data set under a search, and what an error says after each."""

import shutil

import numpy as np

from cellbench.patches import PatchSet

REFUSED = ("is missing; restore it", "is not the data set that the search was started on", "was changed since the data")
"""What an error says after each change."""


class Change:
    """A change of the data set `discs` of a home, and its return to what it was.

    Args:
        home: The home.
        kind: `removed`, `replaced` or `edited`.
    """

    def __init__(self, home, kind):
        self._path, self._away, self._kind = home.path / "datasets" / "discs", home.path / "away", kind

    def make(self):
        if self._kind == "edited":
            self._flip()
            return
        if self._kind == "replaced":
            shutil.copytree(self._path, self._away.with_name("other"))
            write_other(self._away.with_name("other"))
        self._path.rename(self._away)
        if self._kind == "replaced":
            self._away.with_name("other").rename(self._path)

    def undo(self):
        if self._kind == "edited":
            self._flip()
            return
        shutil.rmtree(self._path, ignore_errors=True)
        self._away.rename(self._path)

    def _flip(self):
        patches = np.load(self._path / "patches.npy", mmap_mode="r+")
        patches[7, 20, 20, 0] ^= 1
        patches.flush()


def write_other(folder):
    """Turn a copy of the data set into another one of the same name and shape: every class has another name."""
    from cellbench.patches import write_patch_set

    found = PatchSet.open(folder)
    index = found.index[["label", "group", "radius_px"]].assign(label=found.index["label"].str.upper())
    write_patch_set(
        folder, patches=np.array(found.patches), masks=np.array(found.masks), index=index, name="discs", replace=True
    )
