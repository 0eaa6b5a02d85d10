"""Simulate how often 95 % intervals contain the true value: of macro F1 over groups, and of means over seeds.

    python -m bench.study.coverage groups
    python -m bench.study.coverage seeds

`groups` draws holdouts whose groups differ in size, in their mix of classes and in how hard they are. Each holdout has
three classifiers, whose mean macro F1 is the score. The true value comes from one draw of 20 000 groups.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bench.terminal.console import console, note, say, user_errors
from cellbench.scores.group_interval import interval_of_counts

if TYPE_CHECKING:
    from numpy.random import Generator

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
N_CLASSES, N_FITS, N_DRAWS = 8, 3, 300
N_TRUE = 20_000
Ends = tuple[float, float]


@dataclass(frozen=True)
class Population:
    """Where groups are drawn from. The defaults resemble the holdout of `marrow-mini`.

    Attributes:
        size: Median number of patches of a group; the sizes are log-normal.
        size_sigma: Standard deviation of the logarithm of the size.
        ratio: Share of a class divided by that of the next larger one.
        concentration: Concentration of the Dirichlet distribution of a group's mix of classes. Small: mixes differ.
        difficulty: Standard deviation over groups of the logit of the accuracy. Each class of a group has half of it on
            top.
        bad_share: Share of groups that are classified badly: 3 is taken from the logit of their accuracy.
        size_effect: What is taken from the logit of the accuracy of a group e times as large.
    """

    size: float = 60
    size_sigma: float = 0.5
    ratio: float = 0.87
    concentration: float = 12
    difficulty: float = 0.6
    bad_share: float = 0.0
    size_effect: float = 0.0

    def draw(self, n: int, n_groups: int, rng: "Generator") -> tuple[np.ndarray, np.ndarray]:
        """Return hits and totals of `interval_of_counts` for n holdouts, shape (n, fits, groups, classes).

        Args:
            n: Number of holdouts.
            n_groups: Number of groups of each.
            rng: Generator of the draws.
        """
        share = self.ratio ** np.arange(N_CLASSES)
        sizes = np.maximum(4, self.size * np.exp(rng.normal(0, self.size_sigma, (n, n_groups)))).round().astype(int)
        counts = rng.multinomial(sizes, rng.dirichlet(self.concentration * share / share.sum(), (n, n_groups)))
        effect = rng.normal(0, self.difficulty, (n, n_groups, 1))
        effect = effect + rng.normal(0, self.difficulty / 2, (n, n_groups, N_CLASSES))
        effect = effect - self.size_effect * np.log(sizes / self.size)[..., None]
        if self.bad_share:
            effect = effect - 3 * (rng.random((n, n_groups, 1)) < self.bad_share)
        right = 1 / (1 + np.exp(-(np.linspace(2, 0.3, N_CLASSES) + effect)))[..., None]
        apart = np.abs(np.subtract.outer(np.arange(N_CLASSES), np.arange(N_CLASSES))).astype(float)
        wrong = np.where(apart > 0, 1 / np.maximum(apart, 1) ** 1.5, 0)
        chance = right * np.eye(N_CLASSES) + (1 - right) * wrong / wrong.sum(axis=1, keepdims=True)
        same = rng.binomial(counts, 0.7)  # these patches get the same prediction from all fits
        shared = rng.multinomial(same, chance)
        # shape (n, fits, groups, true class, predicted class)
        tables = np.stack([shared + rng.multinomial(counts - same, chance) for _ in range(N_FITS)], axis=1)
        hits = np.diagonal(tables, axis1=-2, axis2=-1).astype(float)
        return hits, (tables.sum(axis=-1) + tables.sum(axis=-2)).astype(float)


USUAL = Population()
POPULATIONS = {
    "like marrow-mini": USUAL,
    "groups differ more in difficulty": replace(USUAL, difficulty=1.0),
    "groups differ more in their classes": replace(USUAL, concentration=4),
    "rare classes": replace(USUAL, ratio=0.7),
    "very unequal groups": replace(USUAL, size_sigma=1.0),
    "small groups": replace(USUAL, size=20),
    "one group in five is bad": replace(USUAL, bad_share=0.2),
    "large groups are hard": replace(USUAL, size_sigma=0.8, size_effect=1.0),
    "very rare classes": Population(40, 0.6, 0.6, 8, 0.6),
    "very rare classes, unlike groups": Population(40, 0.6, 0.6, 3, 1.0),
}


def macro_f1(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return macro F1, mean over fits: from counts of shape (fits, ..., classes) to shape (...)."""
    f1 = np.divide(2 * hits, totals, out=np.zeros_like(hits), where=totals > 0)
    return np.asarray(f1.mean(axis=-1).mean(axis=0))


def product(hits: np.ndarray, totals: np.ndarray, _: "Generator") -> Ends:
    """Return the interval that searches report."""
    found = interval_of_counts(hits, totals)
    if found.low is None or found.high is None:
        return np.nan, np.nan
    return found.low, found.high


def jackknife_of(hits: np.ndarray, totals: np.ndarray) -> tuple[float, float]:
    """Return macro F1 and its jackknife standard error over groups."""
    n = hits.shape[1]
    left = macro_f1(
        hits.sum(axis=1, keepdims=True) - hits, totals.sum(axis=1, keepdims=True) - totals
    )  # one for each group
    return float(macro_f1(hits.sum(axis=1), totals.sum(axis=1))), float(np.sqrt((n - 1) * left.var()))


def jackknife_t(hits: np.ndarray, totals: np.ndarray, _: "Generator") -> Ends:
    """Return score ± t × jackknife error, with groups − 1 degrees of freedom."""
    from scipy.stats import t

    score, error = jackknife_of(hits, totals)
    half = float(t.ppf(0.975, hits.shape[1] - 1)) * error
    return max(0.0, score - half), min(1.0, score + half)


def jackknife_logit(hits: np.ndarray, totals: np.ndarray, _: "Generator") -> Ends:
    """Return `jackknife_t` on the scale log(p / (1 − p))."""
    from scipy.special import expit, logit
    from scipy.stats import t

    score, error = jackknife_of(hits, totals)
    half = float(t.ppf(0.975, hits.shape[1] - 1)) * error / (score * (1 - score))
    return float(expit(logit(score) - half)), float(expit(logit(score) + half))


def percentile(hits: np.ndarray, totals: np.ndarray, rng: "Generator") -> Ends:
    """Return the percentile bootstrap over groups, which versions before 0.2 reported."""
    n = hits.shape[1]
    times = rng.multinomial(n, np.full(n, 1 / n), size=N_DRAWS).astype(float)
    low, high = np.quantile(macro_f1(times @ hits, times @ totals), [0.025, 0.975])
    return float(low), float(high)


def bootstrap_t(hits: np.ndarray, totals: np.ndarray, rng: "Generator") -> Ends:
    """Return the bootstrap-t over groups, with the jackknife error in each draw."""
    n = hits.shape[1]
    times = rng.multinomial(n, np.full(n, 1 / n), size=N_DRAWS).astype(float)
    all_hits, all_totals = times @ hits, times @ totals
    left = macro_f1(all_hits[:, :, None] - hits[:, None], all_totals[:, :, None] - totals[:, None])  # (draws, groups)
    mean = (times * left).sum(axis=1, keepdims=True) / n
    errors = np.sqrt((n - 1) / n * (times * (left - mean) ** 2).sum(axis=1))
    score, error = jackknife_of(hits, totals)
    varied = errors > 0
    low, high = np.quantile((macro_f1(all_hits, all_totals)[varied] - score) / errors[varied], [0.025, 0.975])
    return max(0.0, score - float(high) * error), min(1.0, score - float(low) * error)


METHODS: Mapping[str, Callable[[np.ndarray, np.ndarray, "Generator"], Ends]] = {
    "percentile bootstrap": percentile,
    "bootstrap-t": bootstrap_t,
    "jackknife t": jackknife_t,
    "jackknife t, logit": jackknife_logit,
    "reported": product,
}


def covered(
    population: Population, n_groups: int, n: int, method: str, truth: float, seed: int
) -> tuple[float, float, float]:
    """Return coverage, mean width, and share of holdouts with an interval.

    Only holdouts that contain every class count, as in the holdouts of data sets.

    Args:
        population: Where groups come from.
        n_groups: Number of groups of a holdout.
        n: Number of holdouts.
        method: One of `METHODS`.
        truth: True macro F1.
        seed: Seed of the draws.
    """
    rng, ends = np.random.default_rng(seed), np.empty((0, 2))
    while len(ends) < n:
        hits, totals = population.draw(n, n_groups, rng)
        has_all = ((totals.sum(axis=2) > 0).all(axis=(1, 2))).nonzero()[0]
        found = [METHODS[method](hits[i], totals[i], rng) for i in has_all[: n - len(ends)]]
        ends = np.concatenate([ends, np.array(found).reshape(-1, 2)])
    known = ends[~np.isnan(ends[:, 0])]
    if not len(known):
        return np.nan, np.nan, 0.0
    inside = (known[:, 0] <= truth) & (truth <= known[:, 1])
    return float(inside.mean()), float((known[:, 1] - known[:, 0]).mean()), len(known) / n


@app.command()
@user_errors
def groups(
    holdouts: Annotated[int, typer.Option(min=10, help="Number of simulated holdouts.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Show coverage and mean width of intervals of macro F1 over 5, 10 and 25 groups."""
    from rich.table import Table

    sizes = (5, 10, 25)
    summary = Table(box=None, pad_edge=False)
    for name in ("groups drawn from", "interval", *(f"{size} groups" for size in sizes)):
        summary.add_column(name, no_wrap=True)
    for name, population in POPULATIONS.items():
        truth = float(
            macro_f1(*(each[0].sum(axis=1) for each in population.draw(1, N_TRUE, np.random.default_rng(seed))))
        )
        for method in METHODS:
            note(f"{name}, {method}")
            found = [covered(population, size, holdouts, method, truth, seed + 1) for size in sizes]
            summary.add_row(name, method, *(f"{share:.3f} (width {width:.2f})" for share, width, _ in found))
    console().print(summary)
    say(f"Coverage of the true macro F1 over {holdouts} holdouts each, of a promised 0.95.")


SCORES: Mapping[str, Callable[["Generator", tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(0, 1, shape),
    "skewed (exponential tail below)": lambda rng, shape: 1 - rng.exponential(1, shape),
    "one training in ten collapses": lambda rng, shape: rng.normal(0, 1, shape) - 10 * (rng.random(shape) < 0.1) + 1,
}
"""Scores of seeds with mean 0."""


def seeds_covered(
    draw: Callable[["Generator", tuple[int, ...]], np.ndarray], n: int, m: int, spread: float, times: int, seed: int
) -> tuple[float, float]:
    """Return the coverage of Welch's interval of a difference, and of one that pairs seeds as if they were pairs.

    Args:
        draw: Scores of a shape, with mean 0.
        n: Number of seeds of the first method.
        m: Number of seeds of the second method.
        spread: Standard deviation of the second method's seeds divided by that of the first.
        times: Number of simulated comparisons.
        seed: Seed of the draws.

    Returns:
        Coverage by Welch's t, and by Student's t of differences; NaN where n and m differ.
    """
    from bench.statistics.difference import difference

    rng = np.random.default_rng(seed)
    own, other = draw(rng, (times, n)), spread * draw(rng, (times, m))
    ends = np.array([difference(a, b)[1:] for a, b in zip(own, other, strict=True)])
    welch = float(((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean())
    if n != m:
        return welch, float("nan")
    return welch, mean_covered(own - other)


def mean_covered(scores: np.ndarray) -> float:
    """Return how often Student's 95 % interval of a mean over seeds contains 0.

    Args:
        scores: Scores with mean 0, shape (times, seeds).
    """
    from scipy.stats import t

    n = scores.shape[1]
    half = t.ppf(0.975, n - 1) * scores.std(axis=1, ddof=1) / n**0.5
    return float((np.abs(scores.mean(axis=1)) <= half).mean())


@app.command()
@user_errors
def seeds(
    times: Annotated[int, typer.Option(min=10, help="Number of simulated comparisons.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Show the coverage of intervals over seeds: of a mean, and of a difference of two means."""
    from rich.table import Table

    summary = Table(box=None, pad_edge=False)
    for name in ("scores", "seeds", "mean, Student", "difference, Welch", "Welch, second ± × 3", "in pairs"):
        summary.add_column(name, no_wrap=True)
    for name, draw in SCORES.items():
        for n, m in ((3, 3), (3, 11), (6, 6), (11, 11)):
            mean = mean_covered(draw(np.random.default_rng(seed), (times, n)))
            equal, pairs = seeds_covered(draw, n, m, 1.0, times, seed + 1)
            unequal, _ = seeds_covered(draw, n, m, 3.0, times, seed + 2)
            shown = "–" if np.isnan(pairs) else f"{pairs:.3f}"
            summary.add_row(name, f"{n}, {m}", f"{mean:.3f}", f"{equal:.3f}", f"{unequal:.3f}", shown)
    console().print(summary)
    say(f"Coverage over {times} comparisons each, of a promised 0.95. Seeds are independent.")


if __name__ == "__main__":
    app()
