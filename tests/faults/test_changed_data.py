"""A data set that is removed, replaced or edited under a search: the search stops or is exact, and never mixes data."""

import json
import shutil

import numpy as np
import pytest
from programs import SMALL, Home, wait_until

from cellbench.patches import PatchSet

pytestmark = pytest.mark.slow

OPTIONS = (
    "--method", "mask_sampled", "--dataset", "discs", "--trials", "2", "--epochs", "6", "--folds", "2", "--finalists",
    "1", "--seeds", "1", "--sampler", "random", "--scheduler", "none", "--concurrent", "1", "--cpus-per-trial", "1",
    "--profile", "cpu", *SMALL,
)  # fmt: skip
"""A short search with every stage."""


@pytest.fixture(scope="module")
def home(tmp_path_factory, discs):
    """A home with a copy of `discs` that may be changed, and an undisturbed search `whole`."""
    home = Home(tmp_path_factory.mktemp("home"))
    shutil.copytree(discs.path, home.path / "datasets" / "discs")
    home.run(*OPTIONS, "--name", "whole")
    return home


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


def scores(home, name):
    """Return the final scores of a search."""
    rows = json.loads((home.search(name) / "summary.json").read_text())["rows"]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def in_stage(home, name, stage):
    """Return a condition: a trial of the stage trains; for `floors`, the last training has ended."""
    folder = home.search(name)
    if stage == "floors":
        return lambda: (folder / ".final.over").exists()
    return lambda: any(folder.glob(f"trials/*-{stage}-*/history.jsonl"))


@pytest.mark.parametrize(
    ("stage", "kind"),
    [
        pytest.param("search", "removed", marks=pytest.mark.long),
        pytest.param("search", "replaced", marks=pytest.mark.long),
        pytest.param("search", "edited", marks=pytest.mark.long),
        pytest.param("folds", "removed", marks=pytest.mark.long),
        pytest.param("folds", "replaced", marks=pytest.mark.long),
        pytest.param("folds", "edited", marks=pytest.mark.long),
        pytest.param("final", "removed", marks=pytest.mark.long),
        pytest.param("final", "replaced", marks=pytest.mark.long),
        pytest.param("final", "edited", marks=pytest.mark.long),
        pytest.param("floors", "removed", marks=pytest.mark.long),
        pytest.param("floors", "replaced", marks=pytest.mark.long),
        pytest.param("floors", "edited", marks=pytest.mark.long),
    ],
)
def test_a_search_stops_or_is_exact_when_its_data_change(home, stage, kind):
    name = f"{stage}-{kind}"
    change = Change(home, kind)
    process = home.start(*OPTIONS, "--name", name)
    assert wait_until(in_stage(home, name, stage), 400), process.communicate()
    change.make()
    try:
        output, errors = process.communicate(timeout=600)
    finally:
        change.undo()
    assert "Traceback" not in errors
    if process.returncode == 2:
        assert f"--resume {name}" in errors
        assert any(part in errors for part in REFUSED), errors
        assert not (home.search(name) / "summary.json").exists()
        home.run("--resume", name)
    else:  # the change came after the last look at the data
        assert (process.returncode, stage) == (0, "floors"), output + errors
    assert {record["outcome"] for record in home.records(name).values()} == {"completed"}
    assert home.metrics(name) == home.metrics("whole")
    assert scores(home, name) == scores(home, "whole")


def test_a_replaced_data_set_is_never_scored(home):
    """Also a search that starts on another set of the same name refuses to go on."""
    change = Change(home, "replaced")
    shutil.copytree(home.search("whole"), home.search("begun"))
    for path in ("summary.json", ".recorded", ".look"):
        (home.search("begun") / path).unlink()
    change.make()
    try:
        _, errors = home.run("--resume", "begun", expect=2)
        assert REFUSED[1] in errors
        _, errors = home.run("--search", "whole", program="classify", expect=2)
        assert REFUSED[1] in errors
    finally:
        change.undo()
        shutil.rmtree(home.search("begun"))


def test_an_unfinished_search_holds_its_data_set(home, discs):
    shutil.copytree(home.search("whole"), home.search("open"), dirs_exist_ok=True)
    (home.search("open") / "summary.json").unlink()
    source = home.path / "source"
    try:
        for arguments in (("remove", "discs", "--yes"), ("add", "discs", source, "--from", "folder", "--replace")):
            _, errors = home.run(*arguments, program="datasets", expect=2)
            assert "used by searches that have not ended: open" in errors.replace("\n", " ")
            assert "--force" in errors
        _, errors = home.run("discs", "--record", program="radius", expect=2)
        assert "used by searches that have not ended: open" in errors.replace("\n", " ")
        shutil.copytree(home.path / "datasets" / "discs", home.path / "kept")
        home.run("remove", "discs", "--yes", "--force", program="datasets")
        assert not (home.path / "datasets" / "discs").exists()
        (home.path / "kept").rename(home.path / "datasets" / "discs")
    finally:
        shutil.rmtree(home.search("open"))
