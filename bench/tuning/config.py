"""What Ray Tune carries from the driver to a worker and back."""

from typing import Any

from pydantic import BaseModel, ConfigDict

OBJECTIVE = "cellbench_objective"
"""Name of the number that Ray Tune maximises, in every report."""
OUTCOME = "cellbench_outcome"
"""Name of the entry that says how a trial ended by itself: completed, failed, or interrupted (it will go on)."""
REASON = "cellbench_reason"
"""Name of the entry that says why it did not complete."""
REMARK = "cellbench_remark"
"""Name of the entry that says what the user should know of a trial that goes on."""


class TrialSettings(BaseModel):
    """What all trials of a search have in common in Ray Tune.

    Attributes:
        objective: Name of the objective.
        gpus: GPUs of a trial.
        timeout_s: Seconds after which an epoch is taken to hang.
        checkpoint_s: Seconds after which a checkpoint is due; rungs have one anyway.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    objective: str
    gpus: float
    timeout_s: float
    checkpoint_s: float


class TrialConfig(BaseModel):
    """A trial's configuration in Ray Tune, under the key `trial`.

    Attributes:
        job: A `cellbench.trials.run.TrialJob` as JSON.
        number: Place of the trial in its stage.
        terms: What it shares with all others.
    """

    model_config = ConfigDict(extra="forbid")

    job: dict[str, Any]
    number: int
    terms: TrialSettings

    @property
    def method(self) -> str:
        """Name of the suppression."""
        return str(self.job["configuration"]["method"])
