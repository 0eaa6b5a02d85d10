"""The curve of macro F1 over the radius that a grid of trainings measured."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def paired_difference(own: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Return the mean difference of paired scores and its 95 % interval.

    Args:
        own: Scores, one for each seed, shape (S,).
        other: Scores to compare with, in the same order of seeds, shape (S,).

    Returns:
        Mean of `own - other`, and the ends of its 95 % interval by Student's t. The ends are NaN for a single seed.
    """
    from scipy.stats import t

    difference = own - other
    n_seeds = len(difference)
    half = t.ppf(0.975, n_seeds - 1) * difference.std(ddof=1) / n_seeds**0.5 if n_seeds > 1 else np.nan
    return float(difference.mean()), float(difference.mean() - half), float(difference.mean() + half)


@dataclass(frozen=True)
class GridCurve:
    """Macro F1 over the radius, measured by a grid of trainings.

    Attributes:
        radii: Radii of the masks, px of a 256 px patch, ascending, shape (R,).
        f1: Macro F1 of each seed at each radius, 0–1, shape (seeds, R).
    """

    radii: np.ndarray
    f1: np.ndarray

    @classmethod
    def of(cls, table: "pd.DataFrame") -> "GridCurve":
        """Return the curve of a table of `bench.study.radius.grid`, without radii that lack the score of a seed."""
        wide = table.pivot_table(index="seed", columns="r_256", values="probe/f1_macro").dropna(axis=1)
        return cls(wide.columns.to_numpy(float), wide.to_numpy(float))

    def at(self, radius: float, seed: int | None = None) -> float:
        """Return macro F1 at any radius: linear between the grid's radii on a log scale.

        Args:
            radius: Radius in px of a 256 px patch. Beyond the grid the nearest end counts.
            seed: Index of the seed whose curve is read. None: the mean over seeds.
        """
        curve = self.f1.mean(axis=0) if seed is None else self.f1[seed]
        return float(np.interp(np.log(radius), np.log(self.radii), curve))

    @property
    def mean(self) -> np.ndarray:
        """Mean macro F1 of each radius over the seeds, shape (R,)."""
        return np.asarray(self.f1.mean(axis=0))

    @property
    def best(self) -> float:
        """Largest mean macro F1."""
        return float(self.mean.max())

    @property
    def seeds_at_best(self) -> np.ndarray:
        """Macro F1 of each seed at the radius with the largest mean, shape (seeds,)."""
        return np.asarray(self.f1[:, self.mean.argmax()])

    def shortfall(self, radius: float) -> tuple[float, float, float]:
        """Return the mean difference of macro F1 between a radius and the grid's best one, and its 95 % interval.

        The best radius is chosen on the same seeds. A radius that is equally good therefore appears slightly worse.

        Args:
            radius: Radius in px of a 256 px patch.
        """
        return paired_difference(np.array([self.at(radius, seed) for seed in range(len(self.f1))]), self.seeds_at_best)
