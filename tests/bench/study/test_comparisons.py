"""The simulated benchmarks have the correlations that they promise, and each command prints its table."""

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.study.comparisons import N_FOLDS, N_SEEDS, STRUCTURES, app


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: "-".join(structure.cells))
def test_differences_have_the_correlations_of_their_structure(structure):
    drawn = structure.draw(40_000, np.random.default_rng(0))
    assert drawn.shape[1:] == (N_FOLDS, N_SEEDS)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    pairs = {"between_folds": ((0, 0), (1, 1)), "within_fold": ((0, 0), (0, 1))}
    found = {name: np.corrcoef(drawn[:, *a], drawn[:, *b])[0, 1] for name, (a, b) in pairs.items()}
    assert found == pytest.approx({name: getattr(structure, name) for name in pairs}, abs=0.02)
    same_seed = np.corrcoef(drawn[:, 0, 0], drawn[:, 1, 0])[0, 1]
    assert same_seed == pytest.approx(structure.between_folds + structure.same_seed, abs=0.02)


@pytest.mark.parametrize(
    ("command", "n_rows", "shown"),
    [("pairs", 14, "P(equal)"), ("many", 14, "better found"), ("intervals", 7, "coverage")],
)
def test_a_command_prints_a_row_for_each_structure(command, n_rows, shown):
    done = CliRunner().invoke(app, [command, "--benchmarks", "10"])
    assert done.exit_code == 0, done.output
    assert shown in done.output
    assert sum(line.strip().startswith(("0 ", "0.2 ", "0.4 ")) for line in done.output.splitlines()) == n_rows
