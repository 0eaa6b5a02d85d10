"""Environments in which a command failed once: each case is run by its script, and ends well or in one sentence."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import SMALL, Home

CASES = Path(os.environ.get("CELLBENCH_TEST_CASES", Path(__file__).parents[3] / "shared" / "cases"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here; let CELLBENCH_TEST_CASES point to them"),
]
SEARCH = (
    "--method", "mask_fixed", "--dataset", "tiny", "--trials", "1", "--epochs", "1", "--seeds", "1",
    "--finalists", "1", "--folds", "1", "--concurrent", "1", "--no-oracle", "--views", "1", *SMALL,
)  # fmt: skip


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """A home with the data set `tiny`, and the folder of the cases beside it."""
    copy = tmp_path_factory.mktemp("cases") / "cases"
    shutil.copytree(CASES, copy)
    for folder in (copy, *copy.iterdir()):
        folder.chmod(0o755)
    subprocess.run([sys.executable, "make.py"], cwd=copy / "tiny", check=True)
    home = Home(copy.parent / "home")
    home.run("add", "tiny", copy / "tiny" / "data", "--from", "folder", "--cell-radius", "8", program="datasets")
    return home, copy


@pytest.fixture(scope="module")
def base(cases):
    """The home of `cases` with the finished search `base`."""
    cases[0].run(*SEARCH, "--name", "base")
    return cases[0]


@pytest.fixture
def run(cases):
    """Return a function that runs the script of a case, and returns the exit code and all that was printed."""
    home, copy = cases

    def script(case, change=lambda text: text, **environment):
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", change((copy / case / "run.sh").read_text())],
            env=home.environment | {"PATH": path} | environment,
            cwd=home.path,
            capture_output=True,
            timeout=600,
            check=False,
        )
        text = (done.stdout + done.stderr).decode("latin-1")
        assert "Traceback" not in text, text
        sys.stdout.write(f"{case}: {done.returncode}: {text.strip()}\n")  # shown by pytest -s
        return done.returncode, text

    return script


def test_an_infinite_number_is_named(run):
    code, text = run("set_infinite")
    assert code == 2
    assert "--set r_max=1e400: '1e400' is beyond the largest number" in text


def test_a_long_temporary_folder_is_named_with_the_way_out(run):
    code, text = run("ray_long_tmpdir")
    assert code == 2
    assert re.search(r"temporary folder \S+slurm_jobdir\S+ is too long for a socket; set RAY_TMPDIR", text)
    assert "less busy" not in text


@pytest.mark.skipif(not shutil.which("setpriv") or os.getuid() != 0, reason="another user needs root and setpriv")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (1, "This user has no home folder; set HOME to a folder that can be written."),
        (2, r"/\.ray/auth_token, .* cannot be written \(Permission denied\); set HOME .* or RAY_AUTH_TOKEN_PATH"),
    ],
)
def test_a_user_without_a_home_gets_one_sentence(run, cases, tmp_path, line, message):
    writable = tmp_path / "writable"
    shutil.copytree(cases[0].path / "datasets", writable / "datasets")
    for path in (writable, *writable.rglob("*")):
        os.chown(path, 12345, 12345)

    def one_line(text):
        user, *commands = text.splitlines()
        # The user may read the Python of whoever runs the tests, but not write anywhere.
        reads = " --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
        user = user.replace("--clear-groups", f"--clear-groups{reads}")
        return f"{user}\n{commands[line - 1]}".replace("/writable", str(writable))

    code, text = run("no_home_user", one_line)
    assert code == 2
    assert re.search(message, text), text


def test_a_terminal_that_is_not_utf_8_shows_question_marks(run, base):
    code, text = run("latin1_terminal")
    assert code == 0
    assert "mask_fixed" in text or "completed" in text
    code, _ = run("latin1_terminal", lambda text: text.replace("latin-1", "ascii"))
    assert code == 0


def test_the_run_of_another_program_does_not_disturb_a_classifier(run, base):
    code, text = run("mlflow_run_id")
    assert code == 0
    assert "This was look number" in text
