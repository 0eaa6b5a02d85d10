"""Expected regret: how much better the best of a space is expected to be than the best configuration tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.space.domains import Range
from bench.space.space import Space
from bench.statistics.gaussian_process import GaussianProcess, encoded

MIN_COMPLETED = 8
"""Completed trials before which nothing can be said."""


N_CANDIDATES = 300


N_DRAWS = 400


@dataclass(frozen=True)
class ExpectedRegret:
    """What further trials of a method may bring.

    Attributes:
        regret: How much better the best of the space is expected to be than the best configuration tried.
        noise: Standard deviation between trainings that differ in nothing but chance.
        n_completed: Completed trials that this rests on.
    """

    regret: float
    noise: float
    n_completed: int

    @property
    def is_enough(self) -> bool:
        """Whether further trials are unlikely to pay."""
        return self.regret < self.noise

    @property
    def sentence(self) -> str:
        """The outlook in words."""
        return (
            f"after {self.n_completed} completed trials the best of the space is expected to be {self.regret:.3f} "
            f"better than the best tried; the noise of one training is {self.noise:.3f}"
        )


def expected_regret(
    space: Space, points: Sequence[Mapping[str, Any]], values: Sequence[float], noise: float, seed: int = 0
) -> ExpectedRegret | None:
    """Return what further trials of a method may bring; None where too few were completed to say.

    Responses that fit the trials are drawn from a Gaussian process over all searched hyperparameters, at random points
    of the space and at those tried. The expected regret is the mean over draws of the largest value less the value at
    the configuration that would be handed over now. Trials that were stopped early do not count: what they would have
    reached is not known, so that regret is rather overestimated.

    Args:
        space: The method's space.
        points: Its completed trials,
        values: and what each reached, more is better.
        noise: Expected standard deviation between trainings that differ in nothing but chance.
        seed: Seed of points and draws.
    """
    if len(points) < MIN_COMPLETED:
        return None
    domains = space.searched
    tried = encoded(points, domains)
    model = GaussianProcess(tried, values, [0] * len(points), noise)
    rng = np.random.default_rng(seed)
    others = [
        {
            name: float(np.exp(rng.uniform(np.log(d.low), np.log(d.high))) if d.log else rng.uniform(d.low, d.high))
            if isinstance(d, Range)
            else d.choices[int(rng.integers(len(d.choices)))]
            for name, d in domains.items()
        }
        for _ in range(N_CANDIDATES)
    ]
    inputs = np.concatenate([tried, encoded(others, domains)])
    draws = model.draws(inputs, N_DRAWS, seed)
    best = int(model.posterior(tried)[0].argmax())
    regret = float((draws.max(axis=1) - draws[:, best]).mean())
    return ExpectedRegret(regret, float(model.scales.noise), len(points))
