"""What is known of one trial: `trial.json` in its folder."""

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["running", "completed", "pruned", "failed"]


class TrialRecord(BaseModel):
    """What the driver knows of a trial.

    Attributes:
        key: Name of the trial, unique within the search.
        number: Its place in the stage's order.
        stage: `search`, `folds`, `final` or `oracle`.
        method: Name of the suppression.
        configuration: Short hash of the configuration.
        params: Every hyperparameter by its search-space name, lengths in native px.
        fold: Fifth of the pool that is left out; None for the whole pool.
        seed: Seed of the training.
        epochs: Epochs of a full training.
        outcome: `running` also stands for a trial that was interrupted.
        reason: Why it was pruned or failed, or why its configuration gets no further fold, in words.
        epoch: Epochs trained so far.
        metrics: Last known value of each metric; the final scores only where it completed.
        started: Seconds since the epoch.
        ended: Likewise; None while it runs.
        nodes: Addresses of the machines that trained it, in their order; more than one where it moved on.
    """

    model_config = ConfigDict(extra="forbid")

    key: str
    number: int
    stage: str
    method: str
    configuration: str
    params: dict[str, bool | int | float | str]
    fold: int | None
    seed: int
    epochs: int
    outcome: Outcome = "running"
    reason: str | None = None
    epoch: int = 0
    metrics: dict[str, float] = Field(default_factory=dict)
    started: float = Field(default_factory=time.time)
    ended: float | None = None
    nodes: list[str] = Field(default_factory=list)
