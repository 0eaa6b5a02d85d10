"""Simulate benchmarks: how often a difference is claimed between equal methods, and found between different ones.

    python -m bench.study.comparisons pairs
    python -m bench.study.comparisons many
    python -m bench.study.comparisons intervals

A benchmark has five folds with three seeds each. The spread is the standard deviation of a paired difference. Paired
differences of one fold share its training data, and those of two folds share a part of it; see `Structure`.
"""

from collections.abc import Callable, Mapping
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


STRUCTURES: Mapping[str, Structure] = {
    "independent": Structure(0, 0),
    "fold effect, half of the variance": Structure(0, 0.5),
    "folds 0.2, seeds 0.2": Structure(0.2, 0.2),
    "folds 0.2, seeds 0.6": Structure(0.2, 0.6),
    "folds 0.2, seeds 1": Structure(0.2, 1),
    "folds 0.2, seeds 0.2, same seed 0.2": Structure(0.2, 0.2, 0.2),
    "folds 0.4, seeds 0.6": Structure(0.4, 0.6),
}
"""Correlations of paired differences: between folds, between the seeds of a fold, and of the same seed."""


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
    "plain t, 15 pairs": lambda d: p_of_mean(d.reshape(len(d), -1), 1 / N_PAIRS),
    "corrected t, 15 pairs": lambda d: p_of_mean(d.reshape(len(d), -1), 1 / N_PAIRS + CORRECTION),
    "corrected t, 5 fold means": lambda d: p_of_mean(d.mean(axis=2), 1 / N_FOLDS + CORRECTION),
}
"""Tests that are not reported, for comparison."""


@dataclass(frozen=True)
class Rates:
    """Shares of simulated benchmarks, 0–1.

    Attributes:
        claimed: A difference is claimed.
        equal: The methods are called practically equal.
        others: A difference is claimed by each of `OTHERS`.
    """

    claimed: float
    equal: float
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
    found = [compare(table, np.zeros((1, 1)), TEST_SHARE).verdict for table in drawn]
    others = {name: float((test(drawn) < RATE).mean()) for name, test in OTHERS.items()}
    claimed = sum(verdict in ("better", "worse") for verdict in found)
    return Rates(claimed / n, found.count("practically equal") / n, others)


def wrong_families(structure: Structure, n_methods: int, spread: float, n: int, seed: int) -> tuple[float, float]:
    """Return how often a difference is claimed for any of several methods that equal their reference.

    The reference takes part in every difference: any two of them have a correlation of a half.

    Args:
        structure: Correlations of the scores of a method.
        n_methods: Number of methods beside the reference.
        spread: Standard deviation of a paired difference in macro F1.
        n: Number of benchmarks.
        seed: Seed of the draws.

    Returns:
        Share of benchmarks with a claim after Holm's correction, and without it.
    """
    rng = np.random.default_rng(seed)
    scores = np.stack([structure.draw(n, rng) for _ in range(n_methods + 1)], axis=1) * spread / 2**0.5
    p = np.array([[compare(own, each[0], TEST_SHARE).p for own in each[1:]] for each in scores])
    corrected = np.array([holm(row) for row in p])
    return float((corrected < RATE).any(axis=1).mean()), float((p < RATE).any(axis=1).mean())


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
    from rich.table import Table

    for title, true in (("Equal methods", 0.0), (f"A true difference of {difference:g}", difference)):
        summary = Table(box=None, pad_edge=False)
        for name in ("correlations", "reported", "practically equal", *OTHERS):
            summary.add_column(name, no_wrap=True)
        for name, structure in STRUCTURES.items():
            found = rates(structure, true, spread, benchmarks, seed)
            others = (f"{each:.3f}" for each in found.others.values())
            summary.add_row(name, f"{found.claimed:.3f}", f"{found.equal:.3f}", *others)
        say(f"{title}: share of {benchmarks} benchmarks in which a difference is claimed, spread {spread:g}")
        console().print(summary)


@app.command()
@user_errors
def many(benchmarks: Benchmarks = 200, spread: Spread = 0.02, seed: Seed = 0) -> None:
    """Show how often a difference is claimed for any of several methods that equal their reference."""
    from rich.table import Table

    summary = Table(box=None, pad_edge=False)
    for name in ("correlations", "methods", "with Holm's correction", "without"):
        summary.add_column(name, no_wrap=True)
    for name, structure in STRUCTURES.items():
        for n_methods in (5, 18):
            with_holm, without = wrong_families(structure, n_methods, spread, benchmarks, seed)
            summary.add_row(name, str(n_methods), f"{with_holm:.3f}", f"{without:.3f}")
    console().print(summary)
    say(f"Share of {benchmarks} benchmarks with any claim; all methods equal their reference.")


@app.command()
@user_errors
def intervals(benchmarks: Benchmarks = 200, spread: Spread = 0.02, seed: Seed = 0) -> None:
    """Show how often the 95 % interval of a method's mean contains its true mean."""
    from rich.table import Table

    summary = Table(box=None, pad_edge=False)
    for name in ("correlations", "coverage"):
        summary.add_column(name, no_wrap=True)
    for name, structure in STRUCTURES.items():
        summary.add_row(name, f"{covered(structure, spread, benchmarks, seed):.3f}")
    console().print(summary)
    say(f"Coverage over {benchmarks} benchmarks, of a promised 0.95.")


if __name__ == "__main__":
    app()
