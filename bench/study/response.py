"""Macro F1 over the radius, as a grid of trainings measured it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Response:
    """Macro F1 over the radius, as a grid measured it.

    Attributes:
        radii: px of a 256 px patch, ascending, shape (R,).
        f1: Macro F1, shape (seeds, R).
    """

    radii: np.ndarray
    f1: np.ndarray

    @classmethod
    def of(cls, table: "pd.DataFrame") -> "Response":
        """Return the response in a table of `bench.study.grid`; radii that lack a seed are left out."""
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

    def shortfall(self, radius: float) -> tuple[float, float, float]:
        """Return how much a radius lies below the grid's best one, seed by seed: mean and 95 % interval of the mean.

        The best radius is chosen by the same seeds, so what is within noise of it comes out a little too low.
        """
        from scipy.stats import t

        best = self.f1[:, self.mean.argmax()]
        lost = np.array([self.at(radius, seed) for seed in range(len(self.f1))]) - best
        half = t.ppf(0.975, len(lost) - 1) * lost.std(ddof=1) / len(lost) ** 0.5 if len(lost) > 1 else np.nan
        return float(lost.mean()), float(lost.mean() - half), float(lost.mean() + half)
