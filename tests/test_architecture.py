"""Rules of the code's structure: size of packages and modules, file names, imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import PROGRAMS

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for top in ("bench", "cellbench") for path in (ROOT / top).rglob("*.py"))
MAX_MODULES = 12
"""Modules of a package, its `__init__.py` not counted."""
MAX_LINES = 300
ANY_SIZE = {"bench", "bench/perf"}
"""Folders of any size: programs, and measurements."""
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
HEAVY = ("torch", "ray", "mlflow", "pandas", "sklearn", "timm", "matplotlib", "optuna")


def test_a_package_has_at_most_twelve_modules():
    sizes: dict[str, int] = {}
    for path in MODULES:
        folder = path.parent.relative_to(ROOT).as_posix()
        sizes[folder] = sizes.get(folder, 0) + (path.name != "__init__.py")
    assert len(sizes) > 15, "the packages were not found"
    assert {name: n for name, n in sizes.items() if n > MAX_MODULES and name not in ANY_SIZE} == {}


def test_a_module_has_at_most_300_lines_or_its_docstring_says_why():
    too_long = {}
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        n_lines = len(text.splitlines())
        if n_lines > MAX_LINES and "over 300 lines because" not in (ast.get_docstring(ast.parse(text)) or ""):
            too_long[path.relative_to(ROOT).as_posix()] = n_lines
    assert too_long == {}


def test_a_file_name_says_what_the_module_is_for():
    named = [path for path in (*MODULES, *(ROOT / "tests").rglob("*.py")) if path.stem in VAGUE_NAMES]
    assert named == []


def test_every_package_says_in_its_docstring_what_belongs_to_it():
    packages = [path for path in MODULES if path.name == "__init__.py"]
    missing = [path for path in packages if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert missing == []


UNSAFE = {
    "eval", "exec", "pickle.load", "pickle.loads", "pd.read_pickle", "pandas.read_pickle", "joblib.load",
    "cloudpickle.load", "cloudpickle.loads", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "plt.imread",
    "image.imread", "os.system",
}  # fmt: skip
"""Calls that can run what a file contains, or that open any format of images."""


def unsafe_calls(text):
    """Return the lines of calls that a file of a stranger could use to run a program."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if (
            name in UNSAFE
            or (name.endswith("Image.open") and "formats" not in given)
            or (name in ("np.load", "numpy.load") and given.get("allow_pickle", "False") != "False")
            or (name == "torch.load" and given.get("weights_only") != "True")
            or (name == "yaml.load" and given.get("Loader") not in ("Loader", "yaml.SafeLoader"))
            or given.get("shell") == "True"
        ):
            found.append(f"{node.lineno}: {name}")
    return found


@pytest.mark.parametrize(
    "call",
    ["Image.open(path)", "PIL.Image.open(path)", "np.load(path, allow_pickle=True)", "torch.load(path)",
     "torch.load(path, weights_only=False)", "yaml.load(text)", "pd.read_pickle(path)", "eval(text)",
     "subprocess.run(text, shell=True)"],
)  # fmt: skip
def test_an_unsafe_call_is_found(call):
    assert len(unsafe_calls(call)) == 1


def test_no_file_can_run_a_program():
    """Pillow would start Ghostscript for an EPS named `.png`; a pickle runs what it contains."""
    paths = [*MODULES, *(ROOT / "examples").rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix(): unsafe_calls(path.read_text(encoding="utf-8")) for path in paths}
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_help_loads_no_heavy_library():
    program = f"""
import sys
from typer.testing import CliRunner
from bench.cli import app
for arguments in [["--help"], *([name, "--help"] for name in {list(PROGRAMS)})]:
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
print(*sorted(set({HEAVY}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_imports_keep_the_contracts_of_pyproject():
    pytest.importorskip("importlinter", reason="pip install -e '.[dev]' brings import-linter")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
