"""Mutation testing: change one expression of the numeric packages at a time, and list what no test notices.

A sample of mutants is drawn with a fixed seed. Each is applied in a copy of the checkout, where the tests of the
mutated package run until the first failure. A mutant survives when they all pass. Run it as `make mutants`.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parent.parent
TESTS = {
    "suppression": ("tests/suppression",),
    "scores": ("tests/scores", "tests/bench/pipeline/test_final_scores.py"),
    "models": ("tests/models",),
    "training": ("tests/training", "tests/models"),
}
"""The tests of each mutated package of `cellbench`."""
FILES = (".ci", "bench", "cellbench", "tests", "search_spaces", "mlflow", "docs", "README.md", "pyproject.toml")
"""What a copy of the checkout holds."""
TIMEOUT_FACTOR = 4.0
"""A mutant whose tests take this many times longer than usual counts as noticed."""

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Pow: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "mean": "sum", "sum": "mean", "sqrt": "abs", "exp": "abs", "floor": "ceil"}


@dataclass(frozen=True)
class Mutant:
    """One changed expression.

    Attributes:
        package: Package below `cellbench`.
        path: File, relative to the checkout.
        line: First line of the expression.
        before: The expression as it is.
        after: The expression as it is changed.
        source: The whole changed file.
    """

    package: str
    path: Path
    line: int
    before: str
    after: str
    source: str


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the changed forms of an expression; most have one."""
    changed = copy.deepcopy(node)
    if isinstance(changed, ast.BinOp | ast.BoolOp) and type(changed.op) in OPERATORS:
        changed.op = OPERATORS[type(changed.op)]()  # type: ignore[assignment]
        yield changed
    elif isinstance(changed, ast.Compare) and type(changed.ops[0]) in OPERATORS:
        changed.ops[0] = OPERATORS[type(changed.ops[0])]()  # type: ignore[call-overload]
        yield changed
    elif isinstance(changed, ast.UnaryOp) and isinstance(changed.op, ast.USub | ast.Not):
        yield changed.operand
    elif isinstance(changed, ast.Constant) and isinstance(changed.value, bool):
        yield ast.Constant(not changed.value)
    elif isinstance(changed, ast.Constant) and isinstance(changed.value, int | float):
        yield ast.Constant(changed.value + 1 if isinstance(changed.value, int) else changed.value * 2)
    elif isinstance(changed, ast.IfExp):
        yield ast.IfExp(changed.test, changed.orelse, changed.body)
    elif isinstance(changed, ast.Call):
        name = changed.func
        if isinstance(name, ast.Attribute) and name.attr in CALLS:
            name.attr = CALLS[name.attr]
            yield changed
        elif isinstance(name, ast.Name) and name.id in CALLS and name.id not in ("mean", "exp", "sqrt", "floor"):
            name.id = CALLS[name.id]
            yield changed


def expressions(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield the expressions of function bodies and module constants, without annotations, messages and imports."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            parts = [node.annotation]
        elif isinstance(node, ast.FunctionDef):
            parts = [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            parts = [*node.decorator_list, *node.bases]
        elif isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr) or _is_skipped(node):
            parts = [node]
        elif isinstance(node, ast.keyword) and node.arg == "strict":  # a guard against lengths that differ
            parts = [node.value]
        skipped.update(id(child) for part in parts if part is not None for child in ast.walk(part))
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and id(node) not in skipped:
            yield node


def _is_skipped(node: ast.AST) -> bool:
    """Return whether a statement or call holds no numbers that a test could notice."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("Metric", "TypeVar")


def mutants_of(package: str, path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file."""
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    starts = [sum(len(line.encode()) for line in lines[:number]) for number in range(len(lines))]
    data = text.encode()
    for node in expressions(ast.parse(text)):
        for changed in changes(node):
            first = starts[node.lineno - 1] + node.col_offset
            last = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[operator]
            after = ast.unparse(changed)
            if isinstance(node, ast.BinOp | ast.BoolOp | ast.IfExp | ast.Compare):
                after = f"({after})"
            before = data[first:last].decode()
            source = (data[:first] + after.encode() + data[last:]).decode()
            yield Mutant(package, path.relative_to(ROOT), node.lineno, before, after, source)


def sample(packages: list[str], number: int, seed: int) -> list[Mutant]:
    """Return a sample of the mutants of some packages, without replacement."""
    files = [(package, path) for package in packages for path in sorted((ROOT / "cellbench" / package).glob("*.py"))]
    found = [mutant for package, path in files if "figure" not in path.name for mutant in mutants_of(package, path)]
    say(f"{len(found)} mutants in {len(files)} files; a sample of {min(number, len(found))} with seed {seed}")
    return random.Random(seed).sample(found, min(number, len(found)))


def tests_pass(directory: Path, package: str, timeout_s: float | None) -> bool:
    """Return whether the tests of a package pass in a copy of the checkout."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:benchmark", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(directory), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    data = os.environ.get("CELLBENCH_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    try:
        done = subprocess.run(
            [*command, *TESTS[package]], cwd=directory, env={**environment, "CELLBENCH_TEST_DATA": data},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the sample; return 1 if a mutant survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", action="append", choices=list(TESTS), help="package of cellbench; default: all")
    parser.add_argument("--number", type=int, default=50, help="number of mutants (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="test runs at a time (default: %(default)s)")
    options = parser.parse_args()
    chosen = sample(options.package or list(TESTS), options.number, options.seed)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(options.workers) as pool:
        copies: Queue[Path] = Queue()
        for number in range(options.workers):
            copies.put(_copied(Path(folder) / str(number)))
        limits = {}
        for package in sorted({mutant.package for mutant in chosen}):
            started = time.monotonic()
            if not tests_pass(Path(folder) / "0", package, None):
                say(f"The tests of {package} fail without a mutant.")
                return 2
            limits[package] = TIMEOUT_FACTOR * options.workers * (time.monotonic() - started)
        run = _runner(copies, limits)
        survivors = []
        for mutant, survived in zip(chosen, pool.map(run, chosen), strict=True):
            verdict = "SURVIVED" if survived else "killed  "
            say(f"{verdict} {mutant.path}:{mutant.line}  {mutant.before}  ->  {mutant.after}")
            survivors += [mutant] * survived
    say(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants killed.")
    return 1 if survivors else 0


def _copied(directory: Path) -> Path:
    directory.mkdir()
    for name in FILES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, directory / name)
    return directory


def _runner(copies: "Queue[Path]", limits: dict[str, float]) -> Callable[[Mutant], bool]:
    def run(mutant: Mutant) -> bool:
        directory = copies.get()
        file = directory / mutant.path
        original = file.read_text()
        try:
            file.write_text(mutant.source)
            return tests_pass(directory, mutant.package, limits[mutant.package])
        finally:
            file.write_text(original)
            copies.put(directory)

    return run


if __name__ == "__main__":
    sys.exit(main())
