"""What a search says of the radius: not one value, but which radii do as well as the best."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.record.radius_range import Point, RadiusRange
from bench.record.trial import TrialRecord
from bench.space.domains import Choice, Range
from bench.space.objectives import Objective
from bench.space.space import Space, radius_name
from bench.statistics.gaussian_process import GaussianProcess, encoded
from bench.terminal.formatting import rounded

MIN_RADII = 5
"""Different radii, fully trained, from which a curve has something to say."""
N_RADII = 80
N_DRAWS = 2000
SCREEN = -1
"""Stands for the fold of the search stage where that is not to be compared with the same fold of finalists."""
LIKELY = 0.5
"""A radius will do where it is more likely than not to lose no more than the noise."""


def response(
    records: Sequence[TrialRecord],
    space: Space,
    objective: Objective,
    winner: str,
    params: Mapping[str, Any],
    is_screened: bool = False,
) -> RadiusRange | None:
    """Return the objective over a method's radius, from every completed training of it; None where none was searched.

    A Gaussian process over the logarithm of the radius and all other searched hyperparameters is fitted to the trials
    of all stages; each fold, and the whole pool, has an effect of its own. Responses are drawn from it, and a radius
    will do where at least half of them lie no more than the noise of one training below their own maximum. What is
    hardly known is rarely near a maximum, so that ignorance does not widen what will do.

    Args:
        records: Trials of all stages.
        space: The method's space, lengths in native px.
        objective: The objective.
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
        and objective.final in record.metrics
    ]
    points = [
        Point(
            radius=float(record.params[name]),
            value=record.metrics[objective.final],
            stage=record.stage,
            fold=record.fold,
            seed=record.seed,
            configuration=record.configuration,
        )
        for record in done
    ]
    known = RadiusRange(method=space.method, parameter=name, objective=objective.name, winner=winner, points=points)
    tried = sorted({point.radius for point in points})
    if len(tried) < MIN_RADII:
        return known.model_copy(
            update={
                "reason": f"only {len(tried)} different radii were trained to the end, too few to say; --trials gives "
                "more, --scheduler none lets all finish"
            }
        )
    varied = {n: d for n, d in space.searched.items() if n == name or len({r.params[n] for r in done}) > 1}
    model = GaussianProcess(
        encoded([record.params for record in done], varied),
        [objective.sign * point.value for point in points],
        [SCREEN if is_screened and point.stage == "search" else point.fold for point in points],
        objective.noise,
    )
    return known.model_copy(update=_curve(model, name, varied, objective, params, tried))


def _curve(
    model: GaussianProcess,
    name: str,
    varied: Mapping[str, Range | Choice],
    objective: Objective,
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
    ends = sorted([objective.sign * (mean - spread), objective.sign * (mean + spread)], key=lambda each: float(each[0]))
    return {
        "radii": [rounded(float(radius)) for radius in radii],
        "mean": (objective.sign * mean).tolist(),
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
