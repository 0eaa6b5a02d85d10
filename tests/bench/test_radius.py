"""The program that estimates a radius: what it prints, records and draws."""

import pytest
from drawn_cells import draw_cells, write_cells
from PIL import Image
from typer.testing import CliRunner

from bench.radius import app
from cellbench.patches import PatchSet


@pytest.fixture
def cells(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    patches, groups, _ = draw_cells()
    return write_cells(tmp_path / "datasets", patches, groups)


def run(*arguments):
    import bench.terminal.console as console

    console.console.cache_clear()
    console.error_console.cache_clear()
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_it_prints_radius_interval_and_r_max_for_each_shape_and_changes_nothing(cells):
    result = run("cells")
    assert result.exit_code == 0, result.output
    assert "Radius of a cell: 1" in result.stdout
    assert "95 % bootstrap interval" in result.stdout
    for shape in ("sqrt", "linear", "quadratic", "cosine", "gaussian", "hard"):
        assert f"\n{shape} " in result.stdout
    assert "r_hide of the method hide: " in result.stdout
    assert "12 groups" in result.stdout or "10 groups" in result.stdout
    assert PatchSet.open(cells.path).card.cell_radius_px is None


def test_the_estimate_can_be_recorded_and_drawn(cells, tmp_path):
    figure = tmp_path / "radius.png"
    result = run("cells", "--record", "--figure", figure)
    assert result.exit_code == 0, result.output
    card = PatchSet.open(cells.path).card
    assert card.cell_radius_source == "estimated"
    assert f"{card.cell_radius_px:.4g}" in result.stdout
    with Image.open(figure) as drawn:
        assert drawn.width > 1000


def test_an_annotated_radius_is_kept(cells):
    cells.record_cell_radius(9.0, "annotated")
    assert "keeps its annotated radius" in run("cells", "--record").stdout
    assert PatchSet.open(cells.path).card.cell_radius_px == 9.0


def test_an_unknown_data_set_is_named():
    result = run("nothing")
    assert result.exit_code == 2
    assert "There is no data set 'nothing'" in result.stderr
