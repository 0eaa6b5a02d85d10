"""The example package: installed like any package, found through its entry points, and tested by its own tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "cellbench-example"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a function that runs Python with the example installed and returns its output."""
    folder = tmp_path_factory.mktemp("example")
    source, target = folder / "source", folder / "installed"
    shutil.copytree(EXAMPLE, source)  # the build writes into its source
    paths = [str(target), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONDONTWRITEBYTECODE": "1"}

    def run_python(*arguments):
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, env=environment, cwd=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    run_python(*pip, "--no-deps", "--no-build-isolation", "--target", target, source)
    assert (target / "cellbench_example" / "mask_square.yaml").is_file()
    return run_python


@pytest.mark.slow
def test_its_own_tests_pass(run):
    assert " passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")


def test_its_suppression_and_importer_are_found_by_name(run):
    code = """
from bench.space.reader import load_space
from cellbench.importers import IMPORTERS
from cellbench.suppression import SUPPRESSIONS

print(*SUPPRESSIONS.names(), *IMPORTERS.names())
print(next(record.description for record in IMPORTERS.items() if record.name == "npy"))
print(SUPPRESSIONS.get("mask_square").__module__, load_space("mask_square").grid_points()[0]["half_side"])
"""
    names, description, found = run("-c", code).splitlines()
    assert {"vae", "mask_square", "folder", "npy"} <= set(names.split())
    assert description == "one array patches.npy, and labels.txt with a line per patch"
    assert found == "cellbench_example.mask_square 50.0"
