"""Small inputs that failed once: each is drawn by its script, and read exactly now, or refused."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

CASES = Path(os.environ.get("CELLBENCH_TEST_CASES", Path(__file__).parents[3] / "shared" / "cases"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here; let CELLBENCH_TEST_CASES point to them"),
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return a function that returns the folder of a case's files, drawn in a copy of the cases."""
    copy = tmp_path_factory.mktemp("cases") / "cases"
    shutil.copytree(CASES, copy)

    def draw(case):
        folder = copy / case / "data"
        if not folder.exists():
            subprocess.run([sys.executable, "make.py"], cwd=copy / case, check=True)
        return folder

    return draw


@pytest.fixture
def add(tmp_path, drawn, monkeypatch):
    """Return a function that adds a case as a data set and returns all that is printed, and the data set or None.

    The program runs in this process, because it takes longer to start than to read a case.
    """
    from bench.datasets import app
    from bench.terminal.console import console, error_console
    from cellbench.patches import PatchSet

    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")

    def run(case, *options, expect):
        console.cache_clear()
        error_console.cache_clear()
        source = drawn(case.split("/")[0]) / Path(*case.split("/")[1:])
        found = CliRunner().invoke(app, ["add", "x", str(source), *options])
        assert found.exit_code == expect, found.output
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        if expect == 2:
            assert not (tmp_path / "datasets" / "x").exists(), "nothing is half-written"
            return found.stderr, None
        return found.stdout + found.stderr, PatchSet.open(tmp_path / "datasets" / "x")

    return run


@pytest.mark.parametrize(
    ("case", "options", "message"),
    [
        ("folder_broken_links", ("--from", "folder"), r"blast/000\.png: it is a link to a file that does not exist"),
        ("folder_latin1_name", ("--from", "folder"), r"Zelle_\\xe4hnlich_007\.png: its name is not UTF-8 text"),
        ("folder_train_val_test", ("--from", "folder"), r"look like a split .*--label-folder 2"),
        ("masks_instances/cells.csv", ("--from", "csv", "--patch-size", "96"), r"values 1, 2 .*--mask-values cells"),
        ("odd_pictures/apng", ("--from", "folder"), r"a/x\.png: it has 4 pages or frames"),
        ("odd_pictures/awebp", ("--from", "folder"), r"a/x\.webp: it has 4 pages or frames"),
        ("odd_pictures/html", ("--from", "folder"), r"a/x\.jpg: it is a web page, not an image"),
        ("odd_pictures/lab", ("--from", "folder"), r"a/x\.tif: its colours are stored as LAB"),
        ("odd_pictures/lfs", ("--from", "folder"), r"a/x\.png: it is a Git LFS pointer"),
        ("odd_pictures/mpo", ("--from", "folder"), r"a/x\.jpg: it has 2 pages or frames"),
        ("odd_pictures/trunc", ("--from", "folder"), r"a/x\.jpg: it is damaged or truncated"),
        ("odd_pictures/ycck", ("--from", "folder"), r"a/x\.jpg: its colours are stored as CMYK"),
        ("voc_resized", ("--from", "voc", "--patch-size", "48"), r"<size> is 256 × 256 px, but .* is 128 × 128 px"),
    ],
)
def test_a_case_that_cannot_be_read_exactly_is_refused(add, case, options, message):
    errors, _ = add(case, *options, expect=2)
    assert re.search(message, errors), errors
    assert len(errors.splitlines()) <= 25


@pytest.mark.parametrize(
    ("case", "options", "n_patches", "classes", "radius", "remark"),
    [
        ("csv_nfd_path/cells.csv", ("--from", "csv"), 60, ["a", "b"], None, ""),
        ("folder_nfc_nfd", ("--from", "folder"), 90, ["Blutplättchen", "Lymphozyt"], None, ""),
        ("folder_synology", ("--from", "folder"), 80, ["lymphocyte", "monocyte"], None, r"80 × @eaDir|2 × @eaDir"),
        ("folder_train_val_test", ("--from", "folder", "--label-folder", "2"), 180, ["lymphocyte", "monocyte"], None,
         ""),
        ("masks_instances/cells.csv", ("--from", "csv", "--patch-size", "96", "--mask-values", "cells"), 60, ["a", "b"],
         16, ""),
        ("masks_jpeg", ("--from", "masks"), 60, ["a", "b"], 20, ""),
        ("odd_pictures/adjunk", ("--from", "folder"), 60, ["a", "b"], None, r"2 × Thumbs\.db"),
        ("odd_pictures/checkpoints", ("--from", "folder"), 60, ["a", "b"], None, r"ipynb_checkpoints"),
        ("odd_pictures/copies", ("--from", "folder"), 63, ["a", "b"], None, ""),
        ("odd_pictures/jfif", ("--from", "folder"), 60, ["a", "b"], None, r"formats that are not read: .*1 × \.jfif"),
        ("odd_pictures/masks_beside", ("--from", "folder"), 60, ["a", "b"], None, r"60 × _mask\.png"),
        ("odd_pictures/upper", ("--from", "folder"), 63, ["a", "b"], None, ""),
        ("voc_exif", ("--from", "voc", "--patch-size", "48"), 60, ["a", "b"], 14, r"turned upright"),
        ("voc_same_names", ("--from", "voc", "--patch-size", "48"), 60, ["class_A", "class_B"], 14, ""),
        ("tiny", ("--from", "folder", "--cell-radius", "8"), 200, ["lymphocyte", "monocyte"], 8, ""),
    ],
)  # fmt: skip
def test_a_case_is_read_exactly(add, case, options, n_patches, classes, radius, remark):
    printed, patch_set = add(case, *options, expect=0)
    assert len(patch_set) == n_patches
    assert patch_set.card.classes == classes
    if radius is not None:
        assert patch_set.card.cell_radius_source == "annotated"
        assert patch_set.card.cell_radius_px == pytest.approx(radius, abs=0.2)
    assert re.search(remark, printed), printed


@pytest.mark.parametrize("case", ["voc_exif", "voc_same_names"])
def test_each_patch_shows_its_cell(add, case):
    """Boxes on the wrong image show the background, of 225, at their centre."""
    _, patch_set = add(case, "--from", "voc", "--patch-size", "48", expect=0)
    assert (patch_set.patches[:, 22:26, 22:26].mean(axis=(1, 2, 3)) < 200).all()
    if case == "voc_same_names":
        assert patch_set.index["group"].nunique() == 60


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cp1252", r"UTF-8"),
        ("blank_lines", r"line 8: there is no file missing\.png"),
        ("image_name", r"no column path and label|--column"),
    ],
)
def test_a_table_that_cannot_be_read_exactly_is_refused(add, name, message):
    errors, _ = add(f"csv_excel_german/{name}.csv", "--from", "csv", "--patch-size", "48", expect=2)
    assert re.search(message, errors), errors


@pytest.mark.parametrize(
    "name",
    ["semicolon", "semicolon_bom", "sep_line", "sep_comma", "utf16", "trailing_rows", "trailing_cols", "old_mac",
     "dec_comma", "spaces", "quoted", "patient"],
)  # fmt: skip
def test_a_table_of_a_spreadsheet_is_read_exactly(add, name):
    _, patch_set = add(f"csv_excel_german/{name}.csv", "--from", "csv", "--patch-size", "48", expect=0)
    assert len(patch_set) == 60
    assert (patch_set.index["x"] == 40.5).all()
    assert (patch_set.index["y"] == 44.5).all()
    assert patch_set.card.classes == ["a", "b"]
    if name != "patient":
        assert patch_set.index["group"].nunique() == 12
