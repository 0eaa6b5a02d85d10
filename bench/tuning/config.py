"""What Ray Tune carries from the driver to a worker and back."""

from typing import Any

from pydantic import BaseModel, ConfigDict

GOAL = "cellbench_goal"
"""Name of the number that Ray Tune maximises, in every report."""
OUTCOME = "cellbench_outcome"
"""Name of the entry that says how a trial ended by itself: completed or failed."""
REASON = "cellbench_reason"
"""Name of the entry that says why it failed."""


class TrialConfig(BaseModel):
    """A trial's configuration in Ray Tune, under the key `trial`.

    Attributes:
        job: A `cellbench.trials.TrialJob` as JSON.
        number: Place of the trial in its stage.
        objective: Name of the objective.
        gpus: GPUs of the trial.
    """

    model_config = ConfigDict(extra="forbid")

    job: dict[str, Any]
    number: int
    objective: str
    gpus: float

    @property
    def method(self) -> str:
        """Name of the suppression."""
        return str(self.job["configuration"]["method"])
