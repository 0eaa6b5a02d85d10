"""Radii that are as good as the best: the response curve of a search over the radius."""

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
"""Smallest number of different, fully trained radii for a curve."""
N_RADII = 80
"""Points of the curve."""
N_DRAWS = 2000
"""Responses drawn from the Gaussian process."""
SCREEN = -1
"""Group of the search stage in place of its fold, where its trainings are not comparable with those of finalists."""
LIKELY = 0.5
"""Smallest probability of losing no more than the noise, for an acceptable radius."""


def response(
    records: Sequence[TrialRecord],
    space: Space,
    objective: Objective,
    winner: str,
    params: Mapping[str, Any],
    is_screened: bool = False,
) -> RadiusRange | None:
    """Return the objective over a method's radius, from its completed trainings; None if no radius was searched.

    A Gaussian process over the logarithm of the radius and the other searched hyperparameters is fitted to the trials
    of all stages. Each fold, and the whole pool, has an effect of its own. Responses are drawn from the process. A
    radius is acceptable if at least half of the responses there are no more than the noise of one training below their
    own maximum. Radii with a high posterior uncertainty are rarely near a maximum, so they are excluded from the range.

    Args:
        records: Trials of all stages.
        space: The method's space, lengths in native px.
        objective: The objective.
        winner: Short hash of the winning configuration.
        params: Hyperparameters of the winning configuration, at which the curve is computed.
        is_screened: Whether the search stage trained at a smaller size or on fewer patches than the other stages. It
            then has an effect of its own.
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
                "reason": f"only {len(tried)} different radii were fully trained, too few for a curve; raise --trials, "
                "or let all trials finish with --scheduler none"
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
    is_acceptable = (loses <= model.scales.noise).mean(axis=0) >= LIKELY
    best = int(mean.argmax())
    is_acceptable[best] = True
    ends = sorted([objective.sign * (mean - spread), objective.sign * (mean + spread)], key=lambda each: float(each[0]))
    return {
        "radii": [rounded(float(radius)) for radius in radii],
        "mean": (objective.sign * mean).tolist(),
        "low": ends[0].tolist(),
        "high": ends[1].tolist(),
        "noise": float(model.scales.noise),
        "best": rounded(float(radii[best])),
        "acceptable": [(rounded(float(radii[a])), rounded(float(radii[b]))) for a, b in _runs(is_acceptable)],
    }


def _runs(flags: Sequence[bool] | np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last index of each run of true flags.

    >>> _runs([True, False, True, True])
    [(0, 0), (2, 3)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, dtype=int), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
