"""The stages of a search: trials, finalists, fresh seeds, ceiling, floors, and the one look at the holdout."""

import time
from functools import partial
from pathlib import Path

from bench.home.holdout_looks import count_holdout_look
from bench.home.paths import cache_dir
from bench.pipeline.early_stop import stop_reasons, trials_left
from bench.pipeline.final_scores import (
    ORACLE,
    FinalScoringJob,
)
from bench.pipeline.floor_mask import floor_mask
from bench.pipeline.race import run_race
from bench.pipeline.stage_runner import StageRunner
from bench.pipeline.summarise import PipelineResult, mean, summarise
from bench.pipeline.supervised import N_TRAININGS
from bench.record.jobs import Jobs
from bench.record.request import Request
from bench.record.summary import Summary
from bench.record.trial import TrialRecord
from bench.statistics.pareto_front import front_winner
from bench.statistics.racing import race_rounds
from bench.statistics.selection import finalists, finalists_of_all, fresh_scores, overall, standings
from bench.terminal.console import say
from bench.tuning.run import StageContext, TimeBudget, run_stage
from bench.tuning.samplers import method_search
from bench.tuning.schedulers import MethodsAsha
from bench.tuning.searchers import MethodsSearcher
from cellbench.patches import PatchSet
from cellbench.training.configuration import Configuration


class Pipeline:
    """The stages of one search.

    Args:
        request: The request of the search.
        context: What all stages share.
        patch_set: The data set.
    """

    def __init__(self, request: Request, context: StageContext, patch_set: PatchSet) -> None:
        self._request, self._context, self._patch_set = request, context, patch_set
        self._folder = context.folder
        self._jobs = Jobs(request, context.folder)
        self._runner = StageRunner(request, context)

    def run(self) -> Summary:
        """Run the stages that have not ended, and return the summary of the search."""
        request, objective, tracker = self._request, self._request.primary_objective, self._context.tracker
        start = time.monotonic()
        self._search()
        tried = self._folder.records("search")
        candidates = (
            finalists_of_all(tried, request.methods, objective, request.n_chosen)
            if request.share_trials
            else {method: finalists(tried, method, request.objectives, request.n_chosen) for method in request.methods}
        )
        at_once = self._context.plan.concurrent
        n_spared = run_race(
            candidates, at_once, self._jobs, self._folder, partial(self._runner.train, "folds"), tracker.remark
        )
        scored = request.judged(self._folder.records())
        winners = {
            method: front_winner(standings(scored, each, objective), request.objectives)
            for method, each in candidates.items()
        }
        only = next(iter(winners.values())).configuration if len(winners) == 1 else None
        with_oracle = self._jobs.oracle(only) if request.oracle and only is not None else []
        finals = self._jobs.final([standing.configuration for standing in winners.values()])
        self._runner.train("final", [*finals, *with_oracle])
        final = self._folder.records("final")
        fresh = {method: fresh_scores(final, standing.configuration) for method, standing in winners.items()}
        method = overall(winners, fresh, objective)
        if request.oracle:
            self._runner.train("oracle", self._jobs.oracle(winners[method].configuration))
        result = PipelineResult(
            method=method, winners=winners, fresh=fresh, final_scores=[], look=0, n_spared=n_spared, seconds=0.0
        )
        ceiling = "" if request.supervised == "none" else ", the supervised ceiling"
        say(f"floors{ceiling}, and one look at the holdout")
        result.final_scores, missing = self._runner.final_scores(self._final_scoring_job(result))
        result.look = self._count_look()  # last, so that a look is not counted for scores that nobody sees
        result.seconds = time.monotonic() - start
        result.notes = [*stop_reasons(request, self._folder.directory, tried), *missing]
        return summarise(request, self._patch_set.card, self._folder.records(), result)

    def _count_look(self) -> int:
        """Count the look at the holdout, once per search, and return its number."""
        look = self._folder.holdout_look()
        if look is None:
            look = count_holdout_look(self._patch_set)
            self._folder.write_holdout_look(look)
        return look

    def _search(self) -> None:
        """Try configurations of every method."""
        request, objective = self._request, self._request.primary_objective
        records = self._folder.records("search")
        if self._folder.has_ended_stage("search"):  # trials whose result was lost are trained again, and no others
            self._runner.train(
                "search", [self._jobs.of_record(record) for record in records if record.outcome == "running"]
            )
            return
        values = {
            record.key: {
                entry["epoch"]: objective.in_progress(entry["metrics"])
                for entry in self._folder.trial(record.key).history()
            }
            for record in records
        }
        n_left = trials_left(request, self._folder.directory, records)
        if n_left <= 0:
            return
        rungs = request.rungs
        methods = {
            space.method: method_search(
                space, request.sampler, request.seed, rungs, request.n_trials, request.objectives
            )
            for space in request.spaces
        }
        searcher = MethodsSearcher(methods, request.n_trials, self._jobs, self._runner.settings, records, values)
        scheduler = None
        if rungs:
            scheduler = MethodsAsha(request.methods, request.settings.epochs, rungs, request.reduction, request.n_kept)
            scheduler.restore(records, values)
        stopper = None
        if request.time_budget_s is not None:
            stopper = TimeBudget(request.time_budget_s, self._rounds_after(), request.settings.epochs)
        with self._context.view.stage("search", n_left, request.settings.epochs):
            run_stage(self._context, "search", searcher, n_left, scheduler, stopper)
        self._runner.end("search")
        for line in stop_reasons(request, self._folder.directory, self._folder.records("search")):
            say(f"  {line}")

    def _rounds_after(self) -> int:
        """Return how many trainings follow the stage `search`, one after another."""
        request, at_once = self._request, self._context.plan.concurrent
        sizes = [
            *race_rounds(request.most_finalists, len(request.further_folds), at_once),
            request.most_winners * request.n_seeds,
            int(request.oracle),
        ]
        n_last = N_TRAININGS[request.supervised]  # one after another, in one worker
        return sum(-(-size // at_once) for size in sizes) + n_last

    def _final_scoring_job(self, result: PipelineResult) -> FinalScoringJob:
        winner = result.winners[result.method].configuration
        trained = {result.method: self._trainings("final", winner)}
        if self._request.oracle:
            trained[ORACLE] = self._trainings("oracle", winner)
        order = sorted(result.winners, key=lambda name: (name != result.method, -mean(result.fresh[name])))
        mask = floor_mask([result.winners[name].configuration for name in order], self._folder.records("final"))
        return FinalScoringJob(
            dataset=self._request.dataset_identity,
            cache=cache_dir(),
            settings=self._request.settings,
            seeds=tuple(self._request.final_seeds()),
            trained={name: found for name, found in trained.items() if found},
            masked=None if mask is None else mask.configuration,
            r_max=None if mask is None else mask.r_max,
            supervised=self._request.supervised,
        )

    def _trainings(self, stage: str, configuration: Configuration) -> tuple[tuple[Path, float], ...]:
        return tuple(
            (self._folder.trial(record.key).directory, record.metrics["probe/f1_macro"])
            for record in self._done(stage, configuration)
        )

    def _done(self, stage: str, configuration: Configuration) -> list[TrialRecord]:
        return [
            record
            for record in self._folder.records(stage)
            if record.configuration == configuration.id and record.outcome == "completed"
        ]
