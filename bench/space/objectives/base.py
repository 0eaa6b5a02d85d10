"""The record of an objective, and the table of all objectives."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cellbench.errors import SettingError
from cellbench.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One number to optimise.

    Attributes:
        name: Name on the command line and in `request.yaml`.
        rung: Metric that ASHA compares unfinished trials by.
        final: Metric of a fully trained trial that is optimised.
        sign: 1 where more is better, −1 where less is better.
        noise: Expected standard deviation between trainings that differ only in their seed. It is the upper end of the
            spread over three seeds of one mask on the data sets of docs/radius.md.
        worst: Value of a trial that failed or has no value yet. Samplers need it finite.
        description: One line for people.
        decided_on: What the winner among the methods is chosen by: trainings of the whole pool from `fresh_seeds`, or
            trainings on `folds`, for a metric that needs patches that the training did not see.
        needs_radius: Whether it is measured inside the cell, so that the data set must know the cell's radius or mask.
        min_unseen: Smallest number of patches, unseen by the training, that it can be measured on.
    """

    name: str
    rung: str
    final: str
    sign: Literal[1, -1]
    noise: float
    worst: float
    description: str
    decided_on: Literal["fresh_seeds", "folds"]
    needs_radius: bool = False
    min_unseen: int = 0

    def in_progress(self, metrics: Mapping[str, float]) -> float:
        """Return the number that Ray Tune maximises, from the metrics of one epoch; never NaN."""
        value = metrics.get(self.final, metrics.get(self.rung, self.worst))
        return self.sign * (self.worst if math.isnan(value) else value)


OBJECTIVES: Registry[Objective] = Registry("objective")


def register(objective: Objective) -> Objective:
    """Add an objective to `OBJECTIVES`, and return it.

    Raises:
        SettingError: The name is taken.
    """
    return OBJECTIVES.register(objective.name, objective.description)(objective)


def parse_objectives(text: str) -> tuple[Objective, ...]:
    """Return the objectives that a text such as `f1` or `f1,ssim` names, the most important first.

    Raises:
        NotFoundError: An objective is unknown.
        SettingError: An objective is named twice.
    """
    names = [name.strip() for name in text.split(",")]
    if len(names) != len(set(names)):
        raise SettingError(f"--objective {text} names an objective twice; name each once.")
    return tuple(map(OBJECTIVES.get, names))
