"""Output files that the user names: regular files are replaced, special files are written, mistakes come first."""

import os
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from cellbench.errors import SettingError, StoreError
from cellbench.output_files import check_output, output_file, write_output


def test_a_regular_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "x.csv"
    write_output(path, "one")
    with suppress(KeyError), output_file(path) as part:
        part.write_text("half")
        raise KeyError
    assert path.read_text() == "one"
    write_output(path, "µm")
    assert path.read_text(encoding="utf-8") == "µm"
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]


def test_a_pipe_is_written_and_stays(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    check_output(path, "--csv")
    write_output(path, "one")
    reader.join()
    assert found == [b"one"]
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_a_full_device_is_an_error_and_stays():
    device = Path("/dev/full")
    check_output(device, "--csv")
    with pytest.raises(StoreError, match=r"^/dev/full cannot be written \(No space left on device\); choose another"):
        write_output(device, "one")
    assert stat.S_ISCHR(device.stat().st_mode)


def test_the_standard_output_is_written_and_its_link_stays(tmp_path):
    code = "from pathlib import Path; from cellbench.output_files import *; write_output(Path('/dev/stdout'), 'one')"
    link = Path("/dev/stdout").readlink()
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "one"
    assert Path("/dev/stdout").readlink() == link


def test_a_link_to_a_regular_file_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "own").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "own")
    write_output(tmp_path / "link", "one")
    assert (tmp_path / "own").read_text() == "mine"
    assert (tmp_path / "link").read_text() == "one"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is a folder; name a file in it."),
        ("none/x", "there is no folder .*none; make it, or choose another."),
        ("x" * 5000, r"--csv cannot be written \(File name too long\); choose another file."),
        ("x" * 250, r"--csv cannot be written \(File name too long\)"),
        ("y" * 5000 + "/x", r"--csv cannot be written \(File name too long\)"),
        ("a\0b", "--csv cannot be written"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path, name, message):
    with pytest.raises(SettingError, match=message):
        check_output(tmp_path / name, "--csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("radius", "none", "--figure"), ("response", "--dataset", "none", "--csv"),
        ("datasets", "show", "none", "--sheet"), ("study.radius.linear_curve", "none", "--csv"),
        ("study.radius.all_radii", "none", "--csv"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("path", "message"), [(".", "is a folder"), ("/nope/x", "there is no folder /nope")])
def test_each_program_refuses_a_wrong_file_before_it_opens_the_data(arguments, path, message, capsys):
    """No data set is called `none`, so a later check would give another error."""
    import importlib

    from typer.testing import CliRunner

    program, *words = arguments
    found = CliRunner().invoke(importlib.import_module(f"bench.{program}").app, [*words, path])
    assert found.exit_code == 2
    assert message in found.stderr + capsys.readouterr().err
