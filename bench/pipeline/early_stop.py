"""When a search ends by itself: when the best that is still to be found is not worth a further trial."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.space.domains import Range
from bench.record.folder import TrialRecord
from bench.record.request import Request
from bench.space.space import Space
from bench.statistics.gaussian_process import Surrogate, encoded
from cellbench.disk import explained, write_text

MIN_COMPLETED = 8
"""Completed trials before which nothing can be said."""
N_CANDIDATES = 300
N_DRAWS = 400


@dataclass(frozen=True)
class Outlook:
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


def outlook(
    space: Space, points: Sequence[Mapping[str, Any]], goals: Sequence[float], noise: float, seed: int = 0
) -> Outlook | None:
    """Return what further trials of a method may bring; None where too few were completed to say.

    Responses that fit the trials are drawn from a Gaussian process over all searched hyperparameters, at random points
    of the space and at those tried. The expected regret is the mean over draws of the largest value less the value at
    the configuration that would be handed over now. Trials that were stopped early do not count: what they would have
    reached is not known, so that regret is rather overestimated.

    Args:
        space: The method's space.
        points: Its completed trials,
        goals: and what each reached, more is better.
        noise: Expected standard deviation between trainings that differ in nothing but chance.
        seed: Seed of points and draws.
    """
    if len(points) < MIN_COMPLETED:
        return None
    domains = space.searched
    tried = encoded(points, domains)
    model = Surrogate(tried, goals, [0] * len(points), noise)
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
    return Outlook(regret, float(model.scales.noise), len(points))


class Stops:
    """Which methods need no further trials and why, kept in the search's folder: once said, it stands.

    Args:
        directory: The search's folder.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "stopped.json"

    def read(self) -> dict[str, str]:
        """Return the reason for each method that was ended."""
        with explained(self._path):
            return dict(json.loads(self._path.read_text(encoding="utf-8"))) if self._path.exists() else {}

    def add(self, method: str, reason: str) -> None:
        """End a method."""
        write_text(self._path, json.dumps(self.read() | {method: reason}, indent=1) + "\n")


class Enough:
    """Says, trial by trial, whether a method needs further ones.

    Args:
        request: The search.
        directory: Its folder.
    """

    def __init__(self, request: Request, directory: Path) -> None:
        self._spaces = {space.method: space for space in request.spaces}
        self._seed, self._noise, self._stops = request.seed, request.goal.noise, Stops(directory)
        self._heard: dict[str, tuple[list[Mapping[str, Any]], list[float]]] = {name: ([], []) for name in self._spaces}
        self._judged = dict.fromkeys(self._spaces, 0)

    def hear(self, method: str, point: Mapping[str, Any], goal: float) -> None:
        """Hear of a completed trial; more is better."""
        points, goals = self._heard[method]
        points.append(point)
        goals.append(goal)

    def is_enough(self, method: str) -> bool:
        """Whether a method needs no further trials; the reason is then in the search's folder."""
        if method in self._stops.read():
            return True
        points, goals = self._heard[method]
        if not self._spaces[method].searched or len(points) == self._judged[method]:
            return False
        self._judged[method] = len(points)
        found = outlook(self._spaces[method], points, goals, self._noise, self._seed)
        if found is None or not found.is_enough:
            return False
        self._stops.add(method, found.sentence)
        return True


def endings(request: Request, directory: Path, records: Sequence[TrialRecord]) -> list[str]:
    """Return why each method's trials ended, in words; nothing where they were not asked to end early.

    Args:
        request: The search.
        directory: Its folder.
        records: Trials of its search stage.
    """
    if not request.stop_early:
        return []
    stops, goal, found = Stops(directory).read(), request.goal, []
    for space in request.spaces:
        own = [record for record in records if record.method == space.method]
        done = [record for record in own if record.outcome == "completed" and goal.final in record.metrics]
        if space.method in stops:
            found.append(f"Trying {space.method} ended by itself: {stops[space.method]}.")
        elif space.searched:
            goals = [goal.sign * record.metrics[goal.final] for record in done]
            view = outlook(space, [record.params for record in done], goals, goal.noise, request.seed)
            why = f"only {len(done)} completed, too few to say" if view is None else view.sentence
            found.append(f"Trying {space.method} did not end by itself before {len(own)} trials: {why}.")
    return found


def trials_left(request: Request, directory: Path, records: Sequence[TrialRecord]) -> int:
    """Return how many trials of the search stage are still to be ended, at most; none of a method that was ended.

    Args:
        request: The search.
        directory: Its folder.
        records: Trials of its search stage.
    """
    stops, left = Stops(directory).read(), 0
    if request.share_trials and len(stops) < len(request.spaces):  # what one method leaves, others get
        wanted = sum(request.n_tried(space) for space in request.spaces)
        return wanted - sum(record.outcome != "running" for record in records)
    for space in request.spaces:
        own = [record for record in records if record.method == space.method]
        n_wanted = len(own) if space.method in stops else request.n_tried(space)
        left += n_wanted - sum(record.outcome != "running" for record in own)
    return left
