"""Macro F1 over the radius, as a grid of trainings measured it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def paired_difference(own: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Return by how much scores differ seed by seed: mean and 95 % interval of the mean, NaN from a single seed.

    Args:
        own: Scores, one a seed, shape (S,).
        other: What they are held against, in the same order of seeds, shape (S,).
    """
    from scipy.stats import t

    gained = own - other
    n_seeds = len(gained)
    half = t.ppf(0.975, n_seeds - 1) * gained.std(ddof=1) / n_seeds**0.5 if n_seeds > 1 else np.nan
    return float(gained.mean()), float(gained.mean() - half), float(gained.mean() + half)


@dataclass(frozen=True)
class GridCurve:
    """Macro F1 over the radius, as a grid measured it.

    Attributes:
        radii: px of a 256 px patch, ascending, shape (R,).
        f1: Macro F1, shape (seeds, R).
    """

    radii: np.ndarray
    f1: np.ndarray

    @classmethod
    def of(cls, table: "pd.DataFrame") -> "GridCurve":
        """Return the response in a table of `bench.study.radius.grid`; radii that lack a seed are left out."""
        wide = table.pivot_table(index="seed", columns="r_256", values="probe/f1_macro").dropna(axis=1)
        return cls(wide.columns.to_numpy(float), wide.to_numpy(float))

    def at(self, radius: float, seed: int | None = None) -> float:
        """Return the F1 of a radius on a seed's curve, or on the mean of all."""
        curve = self.f1.mean(axis=0) if seed is None else self.f1[seed]
        return float(np.interp(np.log(radius), np.log(self.radii), curve))

    @property
    def mean(self) -> np.ndarray:
        """Mean F1 of each radius, shape (R,)."""
        return np.asarray(self.f1.mean(axis=0))

    @property
    def best(self) -> float:
        """Best mean F1."""
        return float(self.mean.max())

    @property
    def seeds_at_best(self) -> np.ndarray:
        """F1 of each seed at the radius with the best mean, shape (seeds,)."""
        return np.asarray(self.f1[:, self.mean.argmax()])

    def shortfall(self, radius: float) -> tuple[float, float, float]:
        """Return how much a radius lies below the grid's best one, seed by seed: mean and 95 % interval of the mean.

        The best radius is chosen by the same seeds, so what is within noise of it comes out a little too low.
        """
        return paired_difference(np.array([self.at(radius, seed) for seed in range(len(self.f1))]), self.seeds_at_best)
