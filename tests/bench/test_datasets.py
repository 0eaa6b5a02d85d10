import signal

import numpy as np
import pytest
from drawn_cells import draw_cells, write_cells
from PIL import Image
from programs import Home, wait_until
from typer.testing import CliRunner

from bench.datasets import app
from bench.home.holdout_looks import count_holdout_look
from cellbench.patches import PatchSet


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the program in a home of its own; give exit code, standard output and standard error."""
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    import bench.terminal.console as console

    def start(*arguments, **options):
        console.console.cache_clear()
        console.error_console.cache_clear()
        return CliRunner().invoke(app, [str(one) for one in arguments], **options)

    return start


@pytest.fixture
def images(tmp_path):
    for i in range(60):
        folder = tmp_path / "images" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return tmp_path / "images"


def test_a_set_is_added_listed_shown_and_removed(run, images, tmp_path):
    result = run(
        "add", "cells", "--from", "folder", images, "--licence", "CC0", "--um-per-px", "0.1", "--cell-radius", 5
    )
    assert result.exit_code == 0, result.output
    assert "cells, 60 patches of 16 px" in result.stdout
    assert "5.0 px = 0.50 µm (annotated)" in result.stdout
    assert "python -m bench.search --method mask_fixed --dataset cells" in result.stdout

    result = run("list")
    assert result.exit_code == 0
    assert "CC0" in result.stdout
    assert "marrow-mini" in result.stderr

    result = run("show", "cells")
    assert result.exit_code == 0, result.output
    assert "Looks at the holdout so far: 0" in result.stdout
    sheet = tmp_path / "home" / "datasets" / "cells" / "contact_sheet.png"
    assert str(sheet) in result.stdout
    assert sheet.exists()

    result = run("remove", "cells", input="n\n")
    assert "Nothing was removed" in result.stderr
    assert sheet.exists()
    assert run("remove", "cells", "--yes").stdout == "Removed cells.\n"
    assert not (tmp_path / "home" / "datasets" / "cells").exists()


def test_radii_are_shown_as_a_histogram(run, tmp_path):
    lines = ["path,label,radius_px"]
    for i in range(50):
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{'ab'[i % 2]},{3 + i % 2}")
    (tmp_path / "cells.csv").write_text("\n".join(lines))
    assert run("add", "cells", "--from", "csv", tmp_path / "cells.csv", "--um-per-px", "0.5").exit_code == 0
    shown = run("show", "cells", "--sheet", tmp_path / "sheet.png", "--n-per-class", 3).stdout
    assert "Annotated radii of 50 patches (px, µm):" in shown
    assert "3.9–   4.0   1.96– 2.00  ████████████████████████████████████████ 25" in shown
    assert (tmp_path / "sheet.png").exists()


def test_remarks_go_to_standard_error(run, images):
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(images / "a" / "grey.png")
    result = run("add", "cells", "--from", "folder", images)
    assert "1 grey image was copied" in result.stderr
    assert "grey" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "cells", "IMAGES", "--from", "folders"], "There is no importer 'folders'; did you mean 'folder'?"),
        (["add", "cells", "NOWHERE", "--from", "folder"], "There is no folder"),
        (["add", "a/b", "IMAGES", "--from", "folder"], "'a/b' cannot be the name of a data set"),
        (["add", "marrow-mini", "IMAGES", "--from", "folder"], "'marrow-mini' is a built-in data set"),
        (
            ["add", "cells", "IMAGES", "--from", "folder", "--patch-size", "4"],
            "--patch-size must be greater than",
        ),
        (
            ["add", "cells", "IMAGES", "--from", "folder", "--label-pattern", "("],
            "--label-pattern must be a regular expression (missing ), unterminated subpattern at position 0); got '('.",
        ),
        (
            ["add", "cells", "IMAGES", "--from", "folder", "--border", "wrap"],
            "--border must be 'reflect' or",
        ),
        (["add", "cells", "IMAGES", "--from", "folder", "--rename", "a"], "--rename must be OLD=NEW; got 'a'."),
        (["add", "cells", "IMAGES", "--from", "folder", "--rename", "a=b", "--rename", "a=c"], "names 'a' twice"),
        (["add", "cells", "IMAGES", "--from", "folder", "--min-per-class", "31"], "Fewer than two classes can be"),
        (["add", "cells", "IMAGES", "--from", "voc"], "There is no annotation"),
        (["show", "cells"], "There is no data set 'cells'"),
        (["remove", "cells", "--yes"], "There is no data set 'cells'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(run, images, tmp_path, arguments, message):
    paths = {"IMAGES": images, "NOWHERE": tmp_path / "nowhere"}
    result = run(*(paths.get(one, one) for one in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    assert result.stdout == ""
    datasets = tmp_path / "home" / "datasets"
    assert not datasets.exists() or not list(datasets.iterdir())


@pytest.fixture
def many_problems(tmp_path):
    """A table of 30 absent images."""
    path = tmp_path / "absent.csv"
    path.write_text("path,label\n" + "".join(f"{i}.png,a\n" for i in range(30)))
    return path


def test_problems_that_are_not_printed_are_in_a_file(run, images, many_problems, tmp_path):
    result = run("add", "cells", "--from", "csv", many_problems)
    listed = tmp_path / "home" / "problems" / "cells.txt"
    assert result.exit_code == 2
    assert result.stderr.count("there is no file") == 20
    assert "and 10 more" in result.stderr
    assert result.stderr.endswith(f"All 30 problems are listed in {listed}.\n")
    assert listed.read_text().splitlines() == [f"line {i + 2}: there is no file {i}.png" for i in range(30)]
    assert [entry.name for entry in listed.parent.iterdir()] == ["cells.txt"]
    assert run("add", "cells", "--from", "folder", images).exit_code == 0
    assert not listed.exists(), "it would describe another import"


def test_problems_are_printed_if_their_file_cannot_be_written(run, many_problems, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "problems").write_text("")
    result = run("add", "cells", "--from", "csv", many_problems)
    assert result.exit_code == 2
    assert result.stderr.count("there is no file") == 20
    assert "The list of all problems could not be written." in result.stderr
    assert "Traceback" not in result.output


def test_columns_of_a_table_can_be_named(run, images, tmp_path):
    paths = sorted(path.relative_to(tmp_path) for path in images.rglob("*.png"))
    table = tmp_path / "cells.csv"
    table.write_text("file;class\n" + "".join(f"{path};{path.parent.name}\n" for path in paths))
    added = run("add", "cells", "--from", "csv", table, "--column", "path=file", "--column", "label=class")
    assert added.exit_code == 0, added.output
    result = run("add", "other", "--from", "csv", table, "--column", "file")
    assert "--column must be NAME=COLUMN; got 'file'." in result.stderr


def test_an_existing_set_must_be_replaced_knowingly(run, images):
    assert run("add", "cells", "--from", "folder", images).exit_code == 0
    result = run("add", "cells", "--from", "folder", images)
    assert result.exit_code == 2
    assert "The data set 'cells' already exists; choose another name, or replace it with --replace." in result.stderr
    assert run("add", "cells", "--from", "folder", images, "--replace").exit_code == 0


def test_a_damaged_set_is_listed_named_and_can_be_removed(run, images, tmp_path):
    run("add", "good", "--from", "folder", images)
    run("add", "bad", "--from", "folder", images)
    (tmp_path / "home" / "datasets" / "bad" / "patches.npy").write_bytes(b"")
    result = run("list")
    assert result.exit_code == 0
    assert "damaged" in result.stdout
    assert "bad/patches.npy is damaged" in result.stderr
    assert run("show", "bad").exit_code == 2
    assert run("remove", "bad", "--yes").exit_code == 0


def test_marks_must_be_known(run, images):
    run("add", "cells", "--from", "folder", images)
    result = run("show", "cells", "--marks", "arrows")
    assert result.exit_code == 2
    assert "--marks must be none, radius or contour; got 'arrows'." in result.stderr


def test_help_needs_no_heavy_library(heavy_modules_after):
    code = (
        "from typer.testing import CliRunner; from bench.datasets import app\n"
        "assert CliRunner().invoke(app, ['add', '--help']).exit_code == 0"
    )
    assert heavy_modules_after(code) == []


def test_a_radius_that_nobody_annotated_is_estimated(run, tmp_path):
    from drawn_cells import draw_cells

    patches, groups, radii = draw_cells(n=120)
    for number, (patch, group) in enumerate(zip(patches, groups, strict=True)):
        folder = tmp_path / "drawn" / f"slide{group}" / "ab"[number // 12 % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(patch).save(folder / f"{number}.png")
    table = tmp_path / "drawn" / "table.csv"
    rows = [f"{p.relative_to(table.parent)},{p.parent.name},{p.parts[-3]}" for p in sorted(table.parent.rglob("*.png"))]
    table.write_text("\n".join(["path,label,group", *rows]))
    result = run("add", "drawn", "--from", "csv", table)
    assert result.exit_code == 0, result.output
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("Cell radius:"))
    assert "(estimated)" in line
    assert float(line.split()[2]) == pytest.approx(np.median(radii), rel=0.15)


def test_a_set_of_two_magnifications_is_levelled(run, tmp_path):
    patches, groups, _ = draw_cells(n=300, radius=np.where(np.arange(300) % 10 < 5, 9.0, 18.0), n_groups=10)
    mixed = write_cells(tmp_path / "home" / "datasets", patches, groups, "mixed")
    count_holdout_look(mixed)
    result = run("level", "mixed", "mixed-level")
    assert result.exit_code == 0, result.output
    assert "Magnified:   10 groups by 1.00 to 2." in result.stdout
    assert "px (estimated)" in result.stdout
    assert "Groups differ" not in result.output
    count_holdout_look(PatchSet.open(tmp_path / "home" / "datasets" / "mixed-level"))
    assert "Looks at the holdout so far: 2" in run("show", "mixed-level").stdout, "its cells are the same"
    assert "Looks at the holdout so far: 2" in run("show", "mixed").stdout
    assert "hardly differ" not in result.stderr
    assert "hardly differ" in run("level", "mixed-level", "again").stderr

    result = run("level", "mixed", "mixed-level")
    assert result.exit_code == 2
    assert "--replace" in result.stderr
    result = run("level", "mixed", "marrow-mini")
    assert result.exit_code == 2
    assert "built-in" in result.stderr
    assert run("level", "nothing", "other").exit_code == 2
    assert "needs another name" in run("level", "mixed", "mixed", "--replace").stderr


def test_a_termination_midway_leaves_nothing_behind(tmp_path):
    patches, groups, _ = draw_cells(n=240, n_groups=8)
    own = Home(tmp_path / "home")
    write_cells(own.path / "datasets", np.tile(patches, (20, 1, 1, 1)), np.tile(groups, 20), "mixed")
    before = set(own.path.joinpath("datasets").iterdir())
    process = own.start("level", "mixed", "mixed-level", program="datasets")
    assert wait_until(lambda: set(own.path.joinpath("datasets").iterdir()) - before)
    process.terminate()
    _, errors = process.communicate(timeout=600)
    # Rarely, Python ends itself by SIGINT after a handled interrupt; a shell shows 130 for that too.
    assert process.returncode in (130, -signal.SIGINT), errors
    assert "Traceback" not in errors
    assert set(own.path.joinpath("datasets").iterdir()) == before


def test_stages_and_frequencies_are_written_when_a_set_is_added_and_later_without_another_fingerprint(
    run, images, tmp_path
):
    add = ("add", "cells", "--from", "folder", images, "--cell-radius", 5)
    result = run(*add, "--class-order", "b, a", "--class-frequencies", "a=1,b=3")
    assert result.exit_code == 0, result.output
    assert "Order:       b – a" in result.stdout
    path = tmp_path / "home" / "datasets" / "cells"
    before = PatchSet.open(path)
    assert before.card.class_order == [["b", "a"]]
    shares, source = before.class_frequencies()
    assert (shares.tolist(), source) == ([0.25, 0.75], "published")
    result = run("set", "cells", "--class-order", "", "--class-frequencies", "")
    assert result.exit_code == 0, result.output
    assert "Order:" not in result.stdout
    after = PatchSet.open(path)
    assert after.card == before.card.model_copy(update={"class_order": [], "class_frequencies": {}})
    shares, source = after.class_frequencies()
    in_pool = after.index["label"][after.index["in_pool"]]
    assert (shares.tolist(), source) == ([(in_pool == "a").mean(), (in_pool == "b").mean()], "pool")
    assert run("set", "cells", "--class-order", "a,b").exit_code == 0
    assert PatchSet.open(path).card.class_order == [["a", "b"]]
    assert PatchSet.open(path).card.fingerprint == before.card.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--class-order", "a,x"), "unknown classes (x); the classes are: a, b."),
        (("--class-order", "a,b", "--class-order", "b,a"), "classes more than once (a, b)"),
        (("--class-order", "a"), "at least two classes"),
        (("--class-frequencies", "a=1"), "lack scored classes (b)"),
        (("--class-frequencies", "a=1,b=x"), "--class-frequencies must be NAME=NUMBER,NAME=NUMBER"),
        (("--class-frequencies", "a=1,b=0"), "above 0 and finite; that of b is not"),
        (("--class-frequencies", "a=1,a=2"), "names 'a' twice"),
    ],
)
def test_wrong_stages_and_frequencies_are_refused_and_nothing_is_written(run, images, tmp_path, options, message):
    result = run("add", "cells", "--from", "folder", images, "--cell-radius", 5, *options)
    assert (result.exit_code, message in result.stderr.replace("\n", " ")) == (2, True), result.stderr
    assert not (tmp_path / "home" / "datasets" / "cells").exists()
    assert run("add", "cells", "--from", "folder", images, "--cell-radius", 5).exit_code == 0
    card = (tmp_path / "home" / "datasets" / "cells" / "card.yaml").read_text()
    result = run("set", "cells", *options)
    assert (result.exit_code, message in result.stderr.replace("\n", " ")) == (2, True), result.stderr
    assert (tmp_path / "home" / "datasets" / "cells" / "card.yaml").read_text() == card


def test_set_without_an_option_is_an_error(run):
    result = run("set", "cells")
    assert result.exit_code == 2
    assert "Nothing to set; add --class-order or --class-frequencies." in result.stderr
