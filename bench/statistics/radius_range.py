"""What a search says of the radius: not one value, but which radii do as well as the best."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.space.domains import Choice, Range, rounded
from bench.record.folder import TrialRecord
from bench.space.objectives import Objective, objective
from bench.space.space import Space, length_names
from bench.statistics.gaussian_process import Surrogate, encoded
from bench.terminal.formatting import length_in_words, lengths_in_words

MIN_RADII = 5
"""Different radii, fully trained, from which a curve has something to say."""
N_RADII = 80
N_DRAWS = 2000
SCREEN = -1
"""Stands for the fold of the search stage where that is not to be compared with the same fold of finalists."""
LIKELY = 0.5
"""A radius will do where it is more likely than not to lose no more than the noise."""


class Point(BaseModel):
    """A completed training: radius in native px, objective, stage, fold (None: whole pool) and seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    radius: float
    value: float
    stage: str
    fold: int | None
    seed: int
    configuration: str


class Response(BaseModel):
    """The objective over the radius of one method, its other hyperparameters held at the winner's.

    Attributes:
        method: Name of the method.
        parameter: Name of the radius.
        objective: Name of the objective.
        winner: Short hash of the winning configuration.
        points: All completed trainings of the method that have the objective.
        radii: Radii of the curve, native px, log-spaced within those tried; empty where there is no curve.
        mean: The objective there.
        low: Lower end of its 95 % interval, the noise of a training left out,
        high: upper end.
        noise: Standard deviation of the objective over trainings that differ in nothing but chance.
        best: Radius where the curve is highest (for an error, lowest).
        will_do: First and last radius of each stretch that will do.
        reason: Why there is no curve; empty where there is one.
    """

    model_config = ConfigDict(extra="forbid")

    method: str
    parameter: str
    objective: str
    winner: str
    points: list[Point] = []
    radii: list[float] = []
    mean: list[float] = []
    low: list[float] = []
    high: list[float] = []
    noise: float | None = None
    best: float | None = None
    will_do: list[tuple[float, float]] = []
    reason: str = ""

    def sentence(self, um_per_px: float | None) -> str:
        """Return in one line which radii will do.

        Args:
            um_per_px: µm per native px, if known.
        """
        if self.best is None or self.noise is None:
            return f"Which {self.parameter} will do: {self.reason}."
        stretches = " or ".join(lengths_in_words(low, high, um_per_px) for low, high in self.will_do)
        best = length_in_words(rounded(self.best), um_per_px)
        what = objective(self.objective).description
        whole = len(self.will_do) == 1 and self.will_do[0] == (self.radii[0], self.radii[-1])
        everything = ", which is all that was tried" if whole else ""
        return (
            f"Any {self.parameter} from {stretches} will do{everything}: {what} there is within {self.noise:.3f}, the "
            f"noise of one training, of the best, at {best} ({len(self.points)} trainings)."
        )

    def metrics(self) -> dict[str, float]:
        """Return what MLflow shows: the best radius, the noise, and the ends of what will do around the best."""
        if self.best is None or self.noise is None:
            return {}
        low, high = next(ends for ends in self.will_do if ends[0] <= self.best <= ends[1])
        return {
            f"response/{self.parameter}_best": self.best,
            f"response/{self.parameter}_low": low,
            f"response/{self.parameter}_high": high,
            "response/noise": self.noise,
        }


def radius_name(space: Space) -> str | None:
    """Return the hyperparameter that is the radius: the first searched length named r_…; None where there is none."""
    lengths = set(length_names(space.method))
    return next((name for name in space.searched if name in lengths and name.startswith("r_")), None)


def response(
    records: Sequence[TrialRecord],
    space: Space,
    goal: Objective,
    winner: str,
    params: Mapping[str, Any],
    is_screened: bool = False,
) -> Response | None:
    """Return the objective over a method's radius, from every completed training of it; None where none was searched.

    A Gaussian process over the logarithm of the radius and all other searched hyperparameters is fitted to the trials
    of all stages; each fold, and the whole pool, has an effect of its own. Responses are drawn from it, and a radius
    will do where at least half of them lie no more than the noise of one training below their own maximum. What is
    hardly known is rarely near a maximum, so that ignorance does not widen what will do.

    Args:
        records: Trials of all stages.
        space: The method's space, lengths in native px.
        goal: The objective.
        winner: Short hash of the winning configuration.
        params: Its hyperparameters, which the others are held at.
        is_screened: Whether the search stage trained at less than the others, so that it has an effect of its own too.
    """
    name = radius_name(space)
    if name is None:
        return None
    done = [
        record
        for record in records
        if record.method == space.method
        and record.stage != "oracle"
        and record.outcome == "completed"
        and goal.final in record.metrics
    ]
    points = [
        Point(
            radius=float(record.params[name]),
            value=record.metrics[goal.final],
            stage=record.stage,
            fold=record.fold,
            seed=record.seed,
            configuration=record.configuration,
        )
        for record in done
    ]
    known = Response(method=space.method, parameter=name, objective=goal.name, winner=winner, points=points)
    tried = sorted({point.radius for point in points})
    if len(tried) < MIN_RADII:
        return known.model_copy(
            update={
                "reason": f"only {len(tried)} different radii were trained to the end, too few to say; --trials gives "
                "more, --scheduler none lets all finish"
            }
        )
    varied = {n: d for n, d in space.searched.items() if n == name or len({r.params[n] for r in done}) > 1}
    model = Surrogate(
        encoded([record.params for record in done], varied),
        [goal.sign * point.value for point in points],
        [SCREEN if is_screened and point.stage == "search" else point.fold for point in points],
        goal.noise,
    )
    return known.model_copy(update=_curve(model, name, varied, goal, params, tried))


def _curve(
    model: Surrogate,
    name: str,
    varied: Mapping[str, Range | Choice],
    goal: Objective,
    params: Mapping[str, Any],
    tried: Sequence[float],
) -> dict[str, Any]:
    radii = np.geomspace(tried[0], tried[-1], N_RADII)
    radii[0], radii[-1] = tried[0], tried[-1]
    inputs = encoded([{**params, name: float(radius)} for radius in radii], varied)
    mean, covariance = model.posterior(inputs)
    spread = 1.96 * np.sqrt(np.clip(np.diag(covariance), 0, None))
    draws = model.draws(inputs, N_DRAWS)
    loses = draws.max(axis=1, keepdims=True) - draws
    fine = (loses <= model.scales.noise).mean(axis=0) >= LIKELY
    best = int(mean.argmax())
    fine[best] = True
    ends = sorted([goal.sign * (mean - spread), goal.sign * (mean + spread)], key=lambda each: float(each[0]))
    return {
        "radii": [rounded(float(radius)) for radius in radii],
        "mean": (goal.sign * mean).tolist(),
        "low": ends[0].tolist(),
        "high": ends[1].tolist(),
        "noise": float(model.scales.noise),
        "best": rounded(float(radii[best])),
        "will_do": [(rounded(float(radii[a])), rounded(float(radii[b]))) for a, b in _stretches(fine)],
    }


def _stretches(flags: Sequence[bool] | np.ndarray) -> list[tuple[int, int]]:
    """Return first and last place of each run of true flags.

    >>> _stretches([True, False, True, True])
    [(0, 0), (2, 3)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, dtype=int), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
