"""Makes the summary of a search from its trials and from what the stages found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.pipeline.final_scores import FinalScore
from bench.record.request import SEARCH_FOLD, Request
from bench.record.summary import Row, Summary
from bench.record.trial import TrialRecord
from bench.statistics.importance import importances
from bench.statistics.pareto_front import members
from bench.statistics.radius_range import response
from bench.statistics.selection import Standing
from bench.statistics.share import Lead, share_of_way
from cellbench.errors import listing
from cellbench.patches.card import Card
from cellbench.scores.few_labels import N_LABELS
from cellbench.scores.metrics import all_metrics, find_metric


@dataclass
class PipelineResult:
    """What the stages of a search found.

    Attributes:
        method: The winning method.
        winners: Best configuration of each method.
        fresh: Macro F1 of each method's trainings from fresh seeds.
        final_scores: Scores of the floors, the winner and the ceiling, holdout included.
        look: Number of this look at the holdout, 1 for the first.
        n_spared: Trainings that racing left out.
        seconds: Time of this run of the search in s.
        notes: Why the trials of each method ended, where they could end early.
    """

    method: str
    winners: dict[str, Standing]
    fresh: dict[str, list[float]]
    final_scores: list[FinalScore]
    look: int
    n_spared: int
    seconds: float
    notes: list[str] = field(default_factory=list)


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return float(np.mean(values))


def records_of(records: Sequence[TrialRecord], stage: str) -> list[TrialRecord]:
    """Return the trials of a stage."""
    return [record for record in records if record.stage == stage]


def method_row(
    method: str, records: Sequence[TrialRecord], result: PipelineResult, final_score: FinalScore | None
) -> Row:
    """Return the row of a method: the scores of its best configuration, and the cost of all its trials.

    Args:
        method: Name of the method.
        records: All trials of the search.
        result: What the stages found.
        final_score: The method's score on the holdout; None where it did not win.
    """
    standing, fresh = result.winners[method], result.fresh[method]
    own = [record for record in records if record.method == method and record.stage != "oracle"]
    tried = records_of(own, "search")
    counts = {f"n_{kind}": sum(r.outcome == kind for r in tried) for kind in ("completed", "pruned", "failed")}
    scores = {
        metric.name: mean([record.metrics[metric.name] for record in standing.records if metric.name in record.metrics])
        for metric in all_metrics()
        if metric.mean_over == "folds" and any(metric.name in record.metrics for record in standing.records)
    }
    return Row(
        kind="method",
        name=method,
        configuration=standing.configuration.id,
        params=standing.configuration.flat(),
        f1_macro=mean(fresh),
        f1_std=float(np.std(fresh, ddof=1)) if len(fresh) > 1 else None,
        n_seeds=len(fresh),
        few_labels=few_labels([r for r in records_of(own, "final") if r.configuration == standing.configuration.id]),
        scores=scores,
        **_holdout(final_score),
        n_trials=len(tried),
        **counts,
        seconds=sum(seconds_of(record) for record in own),
        patches=sum(record.metrics.get("cost/patches", 0.0) for record in own),
    )


def seconds_of(record: TrialRecord) -> float:
    """Return the time of a trial in s; of a pruned or failed one, from its start, the start of its process included."""
    return record.metrics.get("cost/seconds", (record.ended or record.started) - record.started)


def few_labels(records: Sequence[TrialRecord]) -> dict[int, float]:
    """Return the mean macro F1 of trainings by the number of labels a class."""
    found = {}
    for n in N_LABELS:
        values = [
            record.metrics[f"probe/f1_macro_{n}"] for record in records if f"probe/f1_macro_{n}" in record.metrics
        ]
        if values:
            found[n] = mean(values)
    return found


def _row_without_trials(score: FinalScore, records: Sequence[TrialRecord]) -> Row:
    """Return the row of a floor or of a ceiling."""
    return Row(
        kind=score.kind,
        name=score.name,
        f1_macro=score.f1_macro,
        f1_std=score.f1_std,
        n_seeds=score.n_seeds,
        few_labels=dict(score.few_labels) or few_labels(records_of(records, score.name)),
        **_holdout(score),
        **_lead(score.lead),
    )


def _lead(lead: Lead | None) -> dict[str, Any]:
    if lead is None:
        return {}
    return {"lead": lead.f1, "lead_low": lead.low, "lead_high": lead.high, "lead_interval": lead.words}


def with_shares(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, each with its share of the way from the strongest floor to the first ceiling.

    Args:
        rows: Methods, floors and ceilings. The lead of a ceiling is that over the strongest of the floors.
    """
    floor = max(row.f1_macro for row in rows if row.kind == "floor")
    top = next((row for row in rows if row.kind == "ceiling"), None)
    lead = None
    if top is not None and top.lead is not None:
        lead = Lead(top.lead, top.lead_low, top.lead_high, top.lead_interval)
    shares = [share_of_way(row.f1_macro, floor, lead) for row in rows]
    # The score of a ceiling on one fold is not on the scale of the others; its lead on that fold is.
    shares = [1.0 if row is top and share is not None else share for row, share in zip(rows, shares, strict=True)]
    return [row.model_copy(update={"share": share}) for row, share in zip(rows, shares, strict=True)]


def _holdout(score: FinalScore | None) -> dict[str, Any]:
    if score is None or score.holdout is None:
        return {}
    found = score.holdout
    interval = found.interval
    return {
        "holdout": found.f1_macro,
        "holdout_low": interval.low,
        "holdout_high": interval.high,
        "holdout_interval": interval.words,
    }


def summarise(request: Request, card: Card, records: Sequence[TrialRecord], result: PipelineResult) -> Summary:
    """Return the summary of a search.

    Args:
        request: The search.
        card: Card of its data set.
        records: All its trials.
        result: What the stages found.
    """
    by_method = {score.name: score for score in result.final_scores if score.kind == "method"}
    methods = [method_row(method, records, result, by_method.get(method)) for method in result.winners]
    methods.sort(key=lambda row: (row.name != result.method, -row.f1_macro))
    floors, ceilings = (
        [_row_without_trials(score, records) for score in result.final_scores if score.kind == kind]
        for kind in ("floor", "ceiling")
    )
    rows = with_shares([*methods, *floors, *ceilings])
    found = {
        space.method: importances(records_of(records, "search"), space, request.primary_objective)
        for space in request.spaces
    }
    best = result.winners[result.method].configuration
    space = next(space for space in request.spaces if space.method == result.method)
    done = [r for r in records if r.stage == "final" and r.configuration == best.id and r.outcome == "completed"]
    names = {name for record in done for name in record.metrics if find_metric(name).mean_over == "seeds"}
    holdout = by_method[result.method].holdout
    return Summary(
        search=request.name,
        dataset=request.dataset,
        winner=result.method,
        rows=rows,
        importances={method: {"how": each.how, "values": each.values} for method, each in found.items()},
        n_holdout=0 if holdout is None else holdout.n_patches,
        look=result.look,
        notes=[*_shared(request, records), *_screened(request, records), *card_notes(card), *result.notes],
        final={name: mean([r.metrics[name] for r in done if name in r.metrics]) for name in sorted(names)},
        seconds=result.seconds,
        front=members(records_of(records, "search"), request.objectives) if len(request.objectives) > 1 else [],
        n_spared=result.n_spared,
        response=response(records, space, request.primary_objective, best.id, best.flat(), request.is_screened),
    )


def _shared(request: Request, records: Sequence[TrialRecord]) -> list[str]:
    if not request.share_trials:
        return []
    counts = Counter(record.method for record in records_of(records, "search"))
    shares = ", ".join(f"{method} {n}" for method, n in counts.most_common())
    return [f"The methods shared {counts.total()} trials ({shares}), so their budgets were not equal."]


def _screened(request: Request, records: Sequence[TrialRecord]) -> list[str]:
    """Return whether the best configuration of a smaller training is the best of the full one, on the same fold."""
    if not request.is_screened:
        return []
    objective, size = request.primary_objective, request.settings.network_size
    tried, trained = (
        {
            r.configuration: objective.sign * r.metrics[objective.final]
            for r in records_of(records, stage)
            if r.fold == SEARCH_FOLD and r.outcome == "completed" and objective.final in r.metrics
        }
        for stage in ("search", "folds")
    )
    order = sorted(tried.keys() & trained.keys(), key=lambda each: -tried[each])
    share = f" on {request.screen_pool:.0%} of the patches" if request.screen_pool < 1 else ""
    what = f"Trials ran at {request.screen_size or size} px{share}, finalists at {size} px on all patches"
    if len(order) < 2:
        return [f"{what}; one finalist cannot show whether the order of configurations stays the same."]
    rank = sorted(order, key=lambda each: -trained[each]).index(order[0]) + 1
    same = "is also the best finalist" if rank == 1 else f"is number {rank} of {len(order)} finalists"
    return [f"{what}: the configuration with the best trial {same}, on the same fold."]


def card_notes(card: Card) -> list[str]:
    """Return sentences on what a data set does to its scores."""
    notes = []
    if card.transductive:
        notes.append("Transductive: the labelled patches, without their labels, were part of the pool.")
    if not card.groups_known:
        notes.append("Groups are unknown: each image counts as its own group, so the scores are optimistic.")
    if card.unscored_classes:
        left_out = listing(f"{name} ({count})" for name, count in card.unscored_classes.items())
        notes.append(f"Classes that are too rare to be scored: {left_out}.")
    return notes
