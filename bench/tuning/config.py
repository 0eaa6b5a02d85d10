"""The messages between the driver and a worker that Ray Tune carries."""

from typing import Any

from pydantic import BaseModel, ConfigDict

OBJECTIVE = "cellbench_objective"
"""Entry of every report: the number that Ray Tune maximises."""
OUTCOME = "cellbench_outcome"
"""Entry of a last report: `completed`, `failed`, or `interrupted` for a trial that can be resumed."""
REASON = "cellbench_reason"
"""Entry of a last report: why the trial is not completed."""
REMARK = "cellbench_remark"
"""Entry of a report: a message for the user about a trial that continues."""


class TrialSettings(BaseModel):
    """Settings that all trials of a search share in Ray Tune.

    Attributes:
        objective: Name of the objective.
        gpus: GPUs of a trial; a fraction shares one GPU.
        timeout_s: Seconds after which an epoch counts as hanging.
        checkpoint_s: Seconds between two checkpoints. Each rung has a checkpoint too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    objective: str
    gpus: float
    timeout_s: float
    checkpoint_s: float


class TrialConfig(BaseModel):
    """The configuration of a trial in Ray Tune, under the key `trial`.

    Attributes:
        job: A `cellbench.trials.job.TrialJob` as JSON.
        number: Position of the trial in its stage, from 0.
        settings: Settings that all trials of the search share.
    """

    model_config = ConfigDict(extra="forbid")

    job: dict[str, Any]
    number: int
    settings: TrialSettings

    @property
    def method(self) -> str:
        """Name of the suppression."""
        return str(self.job["configuration"]["method"])
