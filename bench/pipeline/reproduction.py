"""The pipeline of a reproduction: every configuration on every fold, then floors and ceilings. No holdout is used."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.home.paths import cache_dir
from bench.pipeline.final_scores import ORACLE, FinalScore, FinalScoringJob
from bench.pipeline.floor_mask import floor_mask
from bench.pipeline.stage_runner import StageRunner
from bench.pipeline.summarise import card_notes, few_labels, mean, records_of, seconds_of
from bench.record.jobs import Jobs
from bench.record.reproduction import ComparedWith, ReproducedRow, Reproduction
from bench.record.request import Request
from bench.record.trial import TrialRecord
from bench.space.protocol import Entry
from bench.statistics.comparison.best_of import selection_bias
from bench.statistics.comparison.repeated_folds import compare_with, estimates
from bench.statistics.comparison.score_tables import score_tables
from bench.statistics.share import Lead, share_of_way
from bench.terminal.console import say
from bench.tuning.run import StageContext
from cellbench.patches import PatchSet
from cellbench.scores.metrics import all_metrics
from cellbench.trials.job import N_POOL_FOLDS

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "vae"
"""Name of the entry without suppression, which every other one is compared with."""
TEST_SHARE = 1 / N_POOL_FOLDS

CHECKED_FOLDS = 5
"""Number of folds for which the tests are known to claim a difference between equal methods as rarely as promised."""
FEW_FOLDS = "With fewer than five folds, equal configurations are called different more often than in one of 20 tests."


class ReproductionPipeline:
    """The stages of one reproduction.

    Args:
        request: Its request, with a protocol.
        context: What all stages share.
        patch_set: The data set.
    """

    def __init__(self, request: Request, context: StageContext, patch_set: PatchSet) -> None:
        self._request, self._patch_set = request, patch_set
        self._folder = context.folder
        self._jobs = Jobs(request, context.folder)
        self._runner = StageRunner(request, context)

    def run(self) -> Reproduction:
        """Run the stages that have not ended, and return the outcome."""
        request, start = self._request, time.monotonic()
        plain = next(entry for entry in request.protocol if entry.name == REFERENCE).configuration
        self._runner.train("protocol", self._jobs.protocol())
        if request.oracle:
            self._runner.train("oracle", self._jobs.oracle(plain))
        records = self._folder.records()
        say("floors" + ("" if request.supervised == "none" else ", the supervised ceiling"))
        scores, missing = self._runner.final_scores(self._scoring_job(records))
        rows = reproduced_rows(request.protocol, records, scores)
        of_folds = [] if request.n_folds >= CHECKED_FOLDS else [FEW_FOLDS]
        notes = [*best_of_note(request.protocol, records), *of_folds, *card_notes(self._patch_set.card), *missing]
        return Reproduction(
            name=request.name,
            dataset=request.dataset,
            rows=rows,
            notes=notes,
            seconds=time.monotonic() - start,
        )

    def _scoring_job(self, records: Sequence[TrialRecord]) -> FinalScoringJob:
        request = self._request
        estimated = [each.configuration for each in request.protocol if each.origin == "estimate"]
        mask = floor_mask(estimated, [])
        ceilings = [
            (self._folder.trial(record.key).directory, record.metrics["probe/f1_macro"])
            for record in records_of(records, ORACLE)
            if record.outcome == "completed"
        ]
        return FinalScoringJob(
            dataset=request.dataset_identity,
            cache=cache_dir(),
            settings=request.settings,
            seeds=tuple(request.final_seeds()),
            trained={ORACLE: tuple(ceilings)} if ceilings else {},
            masked=None if mask is None else mask.configuration,
            r_max=None,
            supervised=request.supervised,
            holdout=False,
        )


def score_frame(protocol: Sequence[Entry], records: Sequence[TrialRecord]) -> "pd.DataFrame":
    """Return macro F1 of the trainings of a protocol.

    Returns:
        Columns method (the entry's name), fold, seed (its number within the fold, from 0), and f1_macro, NaN for a
        training that failed.
    """
    import pandas as pd

    names = {entry.configuration.id: entry.name for entry in protocol}
    own = [record for record in records_of(records, "protocol") if record.configuration in names]
    seeds = {fold: sorted({r.seed for r in own if r.fold == fold}) for fold in {r.fold for r in own}}
    found = [(names[r.configuration], r.fold, seeds[r.fold].index(r.seed), _f1(r)) for r in own]
    return pd.DataFrame(found, columns=["method", "fold", "seed", "f1_macro"])


def reproduced_rows(
    protocol: Sequence[Entry], records: Sequence[TrialRecord], scores: Sequence[FinalScore]
) -> list[ReproducedRow]:
    """Return the rows of the table: configurations by falling macro F1, then floors, then ceilings.

    A configuration of which every training failed has no row.

    Args:
        protocol: The configurations.
        records: Records of the trainings.
        scores: Scores of floors and ceilings.
    """
    import pandas as pd

    frame = score_frame(protocol, records).dropna(subset="f1_macro")
    floor = max((score for score in scores if score.kind == "floor"), key=lambda score: score.f1_macro)
    with_floor = pd.concat(
        [frame, pd.DataFrame([{"method": floor.name, "fold": None, "seed": None, "f1_macro": floor.f1_macro}])]
    )
    found, known = estimates(frame, TEST_SHARE), set(frame["method"])
    others = [name for name in found if name != REFERENCE]
    against = {
        REFERENCE: compare_with(frame, REFERENCE, TEST_SHARE, methods=others) if REFERENCE in known and others else {},
        floor.name: compare_with(with_floor, floor.name, TEST_SHARE),
    }
    top = next((score.lead for score in scores if score.lead is not None), None)
    rows = []
    for entry in protocol:
        if entry.name not in known:
            continue
        own = [r for r in records_of(records, "protocol") if r.configuration == entry.configuration.id]
        done = [record for record in own if record.outcome == "completed"]
        rows.append(
            ReproducedRow(
                kind="method",
                name=entry.name,
                origin=entry.origin,
                method=entry.configuration.method,
                configuration=entry.configuration.id,
                params=entry.configuration.flat(),
                **ReproducedRow.estimated(found[entry.name]),
                **_of_reconstruction(done),
                n_completed=len(done),
                n_failed=len(own) - len(done),
                few_labels=few_labels(done),
                scores=_means(done),
                against=[
                    ComparedWith.of(reference, each[entry.name])
                    for reference, each in against.items()
                    if entry.name in each
                ],
                share=share_of_way(found[entry.name].mean, floor.f1_macro, top),
                seconds=sum(seconds_of(record) for record in own),
                patches=sum(record.metrics.get("cost/patches", 0.0) for record in own),
            )
        )
    rows.sort(key=lambda row: -row.f1_macro)
    for kind in ("floor", "ceiling"):
        rows += [_row_of_score(score, floor, top, records) for score in scores if score.kind == kind]
    return rows


def best_of_note(protocol: Sequence[Entry], records: Sequence[TrialRecord]) -> list[str]:
    """Return the sentence on selection bias, if every configuration has a score on each fold."""
    tables = score_tables(score_frame(protocol, records))
    complete = [table.mean(axis=1) for table in tables.values() if not np.isnan(table).any()]
    bias = selection_bias(np.array(complete), TEST_SHARE) if len(complete) > 1 else None
    return [] if bias is None else [bias.sentence]


def _row_of_score(
    score: FinalScore, floor: FinalScore, top: Lead | None, records: Sequence[TrialRecord]
) -> ReproducedRow:
    share = share_of_way(score.f1_macro, floor.f1_macro, top)
    return ReproducedRow(
        kind=score.kind,
        name=score.name,
        f1_macro=score.f1_macro,
        f1_std=score.f1_std,
        n_completed=score.n_seeds if score.kind == "ceiling" else 0,
        few_labels=dict(score.few_labels) or few_labels(records_of(records, score.name)),
        # The score of a ceiling on one fold is not on the scale of the others; its lead on that fold is.
        share=1.0 if score.lead is top and share is not None else share,
        lead_words="" if score.lead is None else score.lead.words,
    )


def _of_reconstruction(done: Sequence[TrialRecord]) -> dict[str, float]:
    """Return macro F1 of the folds with the best and the worst reconstruction of unseen patches, by SSIM."""
    first = list({record.fold: record for record in sorted(done, key=lambda record: -record.seed)}.values())
    name = "val/ssim_cell" if all("val/ssim_cell" in record.metrics for record in first) else "val/ssim"
    ranked = sorted((r for r in first if name in r.metrics), key=lambda record: record.metrics[name])
    return {"f1_worst": _f1(ranked[0]), "f1_best": _f1(ranked[-1])} if ranked else {}


def _means(done: Sequence[TrialRecord]) -> dict[str, float]:
    """Return the means of the scores of unseen patches, of the latent, and of each class."""
    shown = [metric.name for metric in all_metrics() if metric.mean_over == "folds"]
    names = {name for record in done for name in record.metrics if name in shown or name.startswith("probe/f1/")}
    return {name: mean([r.metrics[name] for r in done if name in r.metrics]) for name in sorted(names)}


def _f1(record: TrialRecord) -> float:
    return record.metrics.get("probe/f1_macro", float("nan")) if record.outcome == "completed" else float("nan")
