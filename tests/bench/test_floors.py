"""The program `bench.floors`."""

import pytest
from programs import Home
from typer.testing import CliRunner

from bench.floors import app
from cellbench.floors import FLOORS


@pytest.fixture
def run(tmp_path, discs, monkeypatch):
    """Return a function that runs the program on `discs` and returns its exit code and its text."""
    monkeypatch.setenv("CELLBENCH_HOME", str(Home(tmp_path / "home", discs).path))
    monkeypatch.setenv("COLUMNS", "160")

    def invoke(*words):
        found = CliRunner().invoke(app, ["--dataset", "discs", "--size", "16", *words])
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exc_info
        return found.exit_code, found.output

    return invoke


def lines_of(text, name):
    return [line for line in text.splitlines() if line.split()[:1] == [name]]


def test_every_floor_is_listed_with_its_seconds_and_the_strongest_is_marked(run):
    code, text = run("--radii", "10,14", "--views", "2")
    assert code == 0
    for name in FLOORS.names():
        assert len(lines_of(text, name)) == (2 if FLOORS.get(name).uses_mask else 1), text
    rows = [line for name in FLOORS.names() for line in lines_of(text, name)]
    f1 = [float(line.partition(" ± ")[0].split()[-1]) for line in rows]
    marked = [score for score, line in zip(f1, rows, strict=True) if line.endswith("strongest")]
    assert marked
    assert set(marked) == {max(f1)}
    assert all(float(line.removesuffix("strongest").split()[-1]) >= 0 for line in rows)
    assert "annotated" in text


def test_some_floors_can_be_chosen(run):
    code, text = run("--floor", "ring_profile, pca")
    assert code == 0
    assert lines_of(text, "ring_profile")
    assert lines_of(text, "pca")
    assert not lines_of(text, "random")


def test_an_unknown_floor_is_answered_with_the_nearest(run):
    code, text = run("--floor", "ring_profil")
    assert code == 2
    assert "There is no floor 'ring_profil'; did you mean 'ring_profile'?" in text


def test_a_floor_that_cannot_be_computed_is_listed_with_the_reason(run, monkeypatch):
    from cellbench.floors import CellRadius

    monkeypatch.setattr("cellbench.floors.context.cell_radius", lambda patch_set: CellRadius(None, "no cell was found"))
    reason = "The floor ring_profile needs the radius of the cells, which is unknown (no cell was found)"
    code, text = run("--floor", "pca,ring_profile")
    assert code == 0
    assert lines_of(text, "pca")
    assert reason in " ".join(text.split())
    code, text = run("--floor", "ring_profile")
    assert code == 2
    assert reason in " ".join(text.split())


def test_the_ceiling_on_labels_stands_below_the_floors_and_is_not_trained_twice(run, monkeypatch):
    options = ("--floor", "pca", "--supervised", "fold", "--epochs", "1", "--views", "1")
    code, text = run(*options)
    assert code == 0
    (line,) = lines_of(text, "supervised")
    assert line.startswith("supervised (one fold)")
    assert line.split()[-1] == "ceiling"
    assert "trained on labels for 1 epoch" in " ".join(text.split())

    def again(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr("cellbench.training.supervised.train_supervised", again)
    assert lines_of(run(*options)[1], "supervised") == [line]


def test_epochs_without_a_ceiling_are_refused(run):
    code, text = run("--epochs", "3")
    assert code == 2
    assert "add --supervised fold or --supervised all" in " ".join(text.split())
