"""Runs what every pipeline consists of: a stage of trainings, and the final scores, on the Ray cluster."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.pipeline.final_scores import FinalScore, FinalScoringJob, cached_parts, compute_part, score_finals
from bench.record.request import Request
from bench.terminal.console import note
from bench.tuning.cluster import each_remotely, remotely
from bench.tuning.config import TrialSettings
from bench.tuning.run import StageContext, run_stage
from bench.tuning.searchers import JobSearcher
from cellbench.errors import CellbenchError
from cellbench.scores.confusions import write_all

if TYPE_CHECKING:
    from cellbench.trials.job import TrialJob


class StageRunner:
    """Runs the stages of one pipeline.

    Args:
        request: The request of the search.
        context: What all stages share.

    Attributes:
        settings: What all trials share.
    """

    def __init__(self, request: Request, context: StageContext) -> None:
        self._request, self._context, self._folder = request, context, context.folder
        self.settings = TrialSettings(
            objective=request.primary_objective.name,
            gpus=context.plan.gpus,
            timeout_s=request.trial_timeout_s,
            checkpoint_s=request.checkpoint_s,
        )

    def train(self, stage: str, jobs: Sequence["TrialJob"], n_before: int = 0) -> None:
        """Train those jobs of a stage that are not done.

        Args:
            stage: Name of the stage.
            jobs: Jobs of the stage.
            n_before: Number of jobs of the stage that precede them.
        """
        records = {record.key: record for record in self._folder.records()}
        left = [job for job in jobs if job.key not in records or records[job.key].outcome == "running"]
        if not left:
            return
        searcher = JobSearcher(left, self.settings, n_before + len(jobs) - len(left))
        with self._context.view.stage(stage, len(left), self._request.settings.epochs):
            run_stage(self._context, stage, searcher, len(left))
        self.end(stage)

    def end(self, stage: str) -> None:
        """Record that a stage has ended, in MLflow too if it was unreachable meanwhile."""
        if self._context.tracker.is_behind:
            try:
                self._context.tracker.repair(self._folder)
            except CellbenchError as error:
                note(str(error))
        self._folder.end_stage(stage)

    def final_scores(self, job: FinalScoringJob) -> tuple[list[FinalScore], list[str]]:
        """Return the final scores, and why floors are missing; write the confusion matrices of floors.

        On one machine, parts are computed side by side.
        """
        plan = self._context.plan
        if self._request.address is None and plan.concurrent > 1:  # the nodes of a cluster may have caches of their own
            each_remotely(compute_part, [(job, part) for part in cached_parts(job)], cpus=plan.cpus, gpus=plan.gpus)
        found: tuple[list[FinalScore], list[str]] = remotely(score_finals, job, cpus=plan.cpus, gpus=plan.gpus)
        counts = {f"{score.kind} {score.name}": score.confusions for score in found[0] if score.confusions is not None}
        write_all(self._folder.confusions_path, counts)
        return found
