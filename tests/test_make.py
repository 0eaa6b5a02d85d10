"""The targets of the Makefile: what `make help` lists, and what each would run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make(*arguments, installed=True):
    """Run make with the Python of these tests; return what it prints."""
    given = [f"BIN={Path(sys.executable).parent}", "INSTALLED="] if installed else []
    command = ["make", "--no-print-directory", *given, *arguments]
    # A make that runs these tests hands its own variables down.
    handed_down = ("MAKE", "MFLAGS", "WORKERS", "SLOW", "ARGS", "EXTRAS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(handed_down)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_target_and_is_what_make_alone_shows():
    shown = make("help")
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert [line.split()[0] for line in shown.splitlines()] == [
        line.partition(":")[0]
        for line in (ROOT / "Makefile").read_text().splitlines()
        if re.match(r"[a-z]+:.*##", line)
    ]
    assert {line.split()[0] for line in shown.splitlines()} == set(phony)
    assert make() == shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["search"], "-m bench.search --method hide"),
        (["search", "ARGS=--trials 12"], "-m bench.search --method hide --trials 12"),
        (["test"], "-m pytest -p no:benchmark -n 2 "),
        (["test", "WORKERS=0"], " -n 0 "),
        (["test", "SLOW=1"], "-m 'not long'"),
        (["test", "SLOW=2"], "-m 'long or not long'"),
        (["check"], "ruff check ."),
        (["check"], "lint-imports"),
        (["check"], "mypy"),
        (["docs"], "-m mkdocs build --strict"),
        (["ui", "ARGS=--port 5001"], "-m bench.ui --port 5001"),
        (["server"], "mlflow/serve"),
        (["audit"], ".ci/audit.py"),
        (["clean"], "rm -rf .venv"),
    ],
)
def test_a_target_runs_the_program_it_stands_for(arguments, expected):
    assert expected in make("--dry-run", *arguments)


def test_search_and_test_install_first_with_the_tested_versions(tmp_path):
    for target in ("search", "test", "install"):
        shown = make("--dry-run", f"VENV={tmp_path}/venv", target, installed=False)
        assert f"-m venv {tmp_path}/venv" in shown
        assert "--constraint constraints.txt --editable '.[dev]'" in shown
        assert shown.index("--constraint") < len(shown.rstrip()) - 20


def test_nothing_is_installed_twice(tmp_path):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / ".installed").touch()
    assert "pip install" not in make("--dry-run", f"VENV={tmp_path}/venv", "search", installed=False)
