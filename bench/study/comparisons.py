"""Simulate benchmarks: how often a difference is claimed between equal methods, and found between different ones.

    python -m bench.study.comparisons pairs
    python -m bench.study.comparisons many
    python -m bench.study.comparisons intervals

A benchmark has five folds with three seeds each. The spread is the standard deviation of a paired difference. Paired
differences of one fold share its training data, and those of two folds share a part of it; see `Structure`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bench.statistics.comparison.repeated_folds import compare, estimate, holm
from bench.terminal.console import console, say, user_errors

if TYPE_CHECKING:
    from numpy.random import Generator

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
N_FOLDS, N_SEEDS = 5, 3
TEST_SHARE = 1 / N_FOLDS
RATE = 0.05
Benchmarks = Annotated[int, typer.Option(min=10, help="Number of simulated benchmarks.")]
Spread = Annotated[float, typer.Option(min=0.0001, help="Standard deviation of paired differences, in macro F1.")]
Difference = Annotated[float, typer.Option(min=0, help="True difference that is to be found, in macro F1.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the draws.")]


@dataclass(frozen=True)
class Structure:
    """How paired differences of one benchmark are correlated.

    Attributes:
        between_folds: Correlation of two differences of different folds.
        within_fold: Correlation of two differences of one fold, at least `between_folds`.
        same_seed: Share of the variance that one seed has in common on all folds, on top of the former.
    """

    between_folds: float
    within_fold: float
    same_seed: float = 0.0

    @property
    def cells(self) -> tuple[str, str, str]:
        """The numbers as text, in the order of the attributes."""
        return f"{self.between_folds:g}", f"{self.within_fold:g}", f"{self.same_seed:g}"

    def draw(self, n: int, rng: "Generator") -> np.ndarray:
        """Return differences with mean 0 and variance 1, shape (n, folds, seeds).

        Args:
            n: Number of benchmarks.
            rng: Generator of the draws.
        """
        parts = (
            (self.between_folds, (n, 1, 1)),
            (self.within_fold - self.between_folds, (n, N_FOLDS, 1)),
            (self.same_seed, (n, 1, N_SEEDS)),
            (1 - self.within_fold - self.same_seed, (n, N_FOLDS, N_SEEDS)),
        )
        return np.asarray(sum(max(0.0, share) ** 0.5 * rng.normal(0, 1, shape) for share, shape in parts))


STRUCTURES = (
    Structure(0, 0),
    Structure(0, 0.5),
    Structure(0.2, 0.2),
    Structure(0.2, 0.6),
    Structure(0.2, 1),
    Structure(0.2, 0.2, 0.2),
    Structure(0.4, 0.6),
)
"""The first has independent differences. The tests assume a correlation of 0.2 between folds."""


def p_of_mean(values: np.ndarray, factor: float) -> np.ndarray:
    """Return p-values of Student's t for means, with factor × variance as the variance of the mean.

    Args:
        values: Differences, shape (N, n).
        factor: 1 / n for the plain t-test, 1 / n + ρ / (1 − ρ) for the corrected one.
    """
    from scipy.stats import t

    error = np.sqrt(factor * values.var(axis=1, ddof=1))
    return np.asarray(2 * t.sf(np.abs(values.mean(axis=1)) / error, values.shape[1] - 1))


CORRECTION = TEST_SHARE / (1 - TEST_SHARE)
N_PAIRS = N_FOLDS * N_SEEDS
OTHERS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain, 15": lambda d: p_of_mean(d.reshape(len(d), -1), 1 / N_PAIRS),
    "corrected, 15": lambda d: p_of_mean(d.reshape(len(d), -1), 1 / N_PAIRS + CORRECTION),
    "corrected, 5": lambda d: p_of_mean(d.mean(axis=2), 1 / N_FOLDS + CORRECTION),
}
"""Tests that are not reported: Student's t for 15 pairs, and Nadeau and Bengio's for 15 pairs and for 5 fold means."""


@dataclass(frozen=True)
class Rates:
    """What is claimed in simulated benchmarks, as shares of them, 0–1.

    Attributes:
        claimed: A difference is claimed.
        equal: The methods are called practically equal.
        probability: Mean posterior probability that they are practically equal.
        others: A difference is claimed by each of `OTHERS`.
    """

    claimed: float
    equal: float
    probability: float
    others: dict[str, float]


def rates(structure: Structure, difference: float, spread: float, n: int, seed: int) -> Rates:
    """Return how often benchmarks of one method and a reference claim something.

    Args:
        structure: Correlations of the differences.
        difference: True difference in macro F1.
        spread: Standard deviation of a paired difference in macro F1.
        n: Number of benchmarks.
        seed: Seed of the draws.
    """
    drawn = difference + spread * structure.draw(n, np.random.default_rng(seed))
    found = [compare(table, np.zeros((1, 1)), TEST_SHARE) for table in drawn]
    verdicts = [each.verdict for each in found]
    others = {name: float((test(drawn) < RATE).mean()) for name, test in OTHERS.items()}
    claimed = sum(verdict in ("better", "worse") for verdict in verdicts)
    probability = float(np.mean([each.equal for each in found]))
    return Rates(claimed / n, verdicts.count("practically equal") / n, probability, others)


@dataclass(frozen=True)
class FamilyRates:
    """What is claimed in simulated benchmarks of several methods, as shares of the benchmarks, 0–1.

    Attributes:
        wrong: A difference is claimed for any method that equals the reference.
        wrong_uncorrected: The same without Holm's correction.
        found: A difference is claimed for the one method that is better.
    """

    wrong: float
    wrong_uncorrected: float
    found: float


def family_rates(
    structure: Structure, n_equal: int, difference: float, spread: float, n: int, seed: int
) -> FamilyRates:
    """Return how often a difference is claimed where several methods equal their reference and one is better.

    The reference takes part in every difference: the differences of two methods have a correlation of a half.

    Args:
        structure: Correlations of the scores of a method.
        n_equal: Number of methods that equal the reference.
        difference: Lead of the one that does not, in macro F1.
        spread: Standard deviation of a paired difference in macro F1.
        n: Number of benchmarks.
        seed: Seed of the draws.
    """
    rng = np.random.default_rng(seed)
    scores = np.stack([structure.draw(n, rng) for _ in range(n_equal + 2)], axis=1) * spread / 2**0.5
    scores[:, -1] += difference
    p = np.array([[compare(own, each[0], TEST_SHARE).p for own in each[1:]] for each in scores])
    claimed = np.array([holm(row) for row in p]) < RATE
    return FamilyRates(
        float(claimed[:, :-1].any(axis=1).mean()),
        float((p[:, :-1] < RATE).any(axis=1).mean()),
        float(claimed[:, -1].mean()),
    )


def covered(structure: Structure, spread: float, n: int, seed: int) -> float:
    """Return how often the interval of a method's mean contains its true mean, 0.5.

    Args:
        structure: Correlations of the scores.
        spread: Standard deviation of a score in macro F1.
        n: Number of benchmarks.
        seed: Seed of the draws.
    """
    drawn = 0.5 + spread * structure.draw(n, np.random.default_rng(seed))
    found = [estimate(table, TEST_SHARE) for table in drawn]
    return sum(each.low <= 0.5 <= each.high for each in found) / n


@app.command()
@user_errors
def pairs(benchmarks: Benchmarks = 200, spread: Spread = 0.02, difference: Difference = 0.05, seed: Seed = 0) -> None:
    """Show how often a difference is claimed between two equal methods, and between two that differ."""
    for title, true in (("Equal methods", 0.0), (f"A true difference of {difference:g}", difference)):
        rows: list[tuple[str | float, ...]] = []
        for structure in STRUCTURES:
            found = rates(structure, true, spread, benchmarks, seed)
            rows.append((*structure.cells, found.claimed, *found.others.values(), found.equal, found.probability))
        say(f"{title}, spread {spread:g}: share of {benchmarks} benchmarks in which a difference is claimed,")
        say("then those called practically equal, and the mean probability of it")
        _print_table((*CORRELATIONS, "reported", *OTHERS, "equal", "P(equal)"), rows)


@app.command()
@user_errors
def many(benchmarks: Benchmarks = 200, spread: Spread = 0.02, difference: Difference = 0.05, seed: Seed = 0) -> None:
    """Show how often a difference is claimed where 4 or 17 methods equal their reference and one is better."""
    rows: list[tuple[str | float, ...]] = []
    for structure in STRUCTURES:
        for n_equal in (4, 17):
            found = family_rates(structure, n_equal, difference, spread, benchmarks, seed)
            rows.append((*structure.cells, str(n_equal), found.wrong, found.wrong_uncorrected, found.found))
    say(f"Share of {benchmarks} benchmarks with a claim for any equal method, and for the one better by {difference:g}")
    _print_table((*CORRELATIONS, "equal methods", "any, Holm", "any, uncorrected", "better found"), rows)


@app.command()
@user_errors
def intervals(benchmarks: Benchmarks = 200, spread: Spread = 0.02, seed: Seed = 0) -> None:
    """Show how often the 95 % interval of a method's mean contains its true mean."""
    rows = [(*structure.cells, covered(structure, spread, benchmarks, seed)) for structure in STRUCTURES]
    say(f"Coverage over {benchmarks} benchmarks, of a promised 0.95")
    _print_table((*CORRELATIONS, "coverage"), rows)


CORRELATIONS = ("folds", "seeds", "same seed")
"""Columns of `Structure.cells`."""


def _print_table(names: Sequence[str], rows: Sequence[Sequence[str | float]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True, justify="right")
    for row in rows:
        table.add_row(*(each if isinstance(each, str) else f"{each:.3f}" for each in row))
    console().print(table)


if __name__ == "__main__":
    app()
