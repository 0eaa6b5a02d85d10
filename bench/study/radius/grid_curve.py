"""The curve of macro F1 over the radius that a grid of trainings measured."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.statistics.difference import contrast

if TYPE_CHECKING:
    import pandas as pd


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

    @property
    def best_radius(self) -> float:
        """Radius with the largest mean macro F1, px of a 256 px patch."""
        return float(self.radii[self.mean.argmax()])

    def shortfall(self, radius: float, fresh: np.ndarray | None = None) -> tuple[float, float, float]:
        """Return the mean difference of macro F1 between a radius and the grid's best one, and its 95 % interval.

        Without fresh seeds, the best radius is judged on the seeds that it was chosen on. It then appears too good.

        Args:
            radius: Radius in px of a 256 px patch.
            fresh: Macro F1 at the best radius of seeds that did not choose it, shape (N,). They replace the grid's.

        Returns:
            The difference, and the ends of its interval by Welch's t. All are 0 at the best radius itself.
        """
        best = int(self.mean.argmax())
        weights = np.array([np.interp(np.log(radius), np.log(self.radii), unit) for unit in np.eye(len(self.radii))])
        weights[best] -= 1
        if np.allclose(weights, 0):
            return 0.0, 0.0, 0.0
        samples = list(self.f1.T)
        if fresh is not None:
            samples[best] = fresh
        used = np.flatnonzero(weights)
        return contrast([samples[i] for i in used], [float(weights[i]) for i in used])


def fresh_scores(grid: "pd.DataFrame", more: "pd.DataFrame | None") -> np.ndarray | None:
    """Return macro F1 at the grid's best radius of seeds that the grid does not have.

    Args:
        grid: Table of `bench.study.radius.grid`.
        more: Table of the same program with further seeds at that radius. None: there are none.

    Returns:
        Shape (seeds,); None without a table.

    Raises:
        DataError: The table has no further seed at that radius.
    """
    from cellbench.errors import DataError

    if more is None:
        return None
    radius = GridCurve.of(grid).best_radius
    own = more[(more["r_256"] == radius) & ~more["seed"].isin(grid["seed"].unique())]
    if own.empty:
        raise DataError(f"The table of fresh seeds has no further seed at {radius:g} px, the grid's best radius.")
    return np.asarray(own["probe/f1_macro"], dtype=float)
