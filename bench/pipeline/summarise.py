"""The rows of a search's table: one for each method, floor and ceiling."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bench.pipeline.final_scores import FinalScore
from bench.record.request import SEARCH_FOLD, Request
from bench.record.summary import SHOWN, Row, Summary
from bench.record.trial import TrialRecord
from bench.statistics.importance import importances
from bench.statistics.pareto_front import members
from bench.statistics.radius_range import response
from bench.statistics.selection import Standing
from cellbench.patches.card import Card

if TYPE_CHECKING:
    pass


@dataclass
class PipelineResult:
    """What the stages found.

    Attributes:
        method: The method that wins.
        winners: Each method's best configuration.
        fresh: Each method's macro F1 from fresh seeds.
        ends: Floors, the winner and the ceiling, with the holdout.
        look: Which look at the holdout this was.
        n_spared: Trainings that racing left out.
        seconds: How long it took, this time.
        notes: Why the trials ended, where they could end by themselves.
    """

    method: str
    winners: dict[str, Standing]
    fresh: dict[str, list[float]]
    ends: list[FinalScore]
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


def method_row(method: str, records: Sequence[TrialRecord], ending: PipelineResult, end: FinalScore | None) -> Row:
    """Return the row of a method: its best configuration, from fresh seeds, and what all its trials cost."""
    standing, fresh = ending.winners[method], ending.fresh[method]
    own = [record for record in records if record.method == method and record.stage != "oracle"]
    tried = records_of(own, "search")
    counts = {f"n_{kind}": sum(r.outcome == kind for r in tried) for kind in ("completed", "pruned", "failed")}
    scores = {
        name: mean([record.metrics[name] for record in standing.records if name in record.metrics])
        for name in SHOWN
        if any(name in record.metrics for record in standing.records)
    }
    return Row(
        kind="method",
        name=method,
        configuration=standing.configuration.id,
        params=standing.configuration.flat(),
        f1_macro=mean(fresh),
        f1_std=float(np.std(fresh, ddof=1)) if len(fresh) > 1 else None,
        n_seeds=len(fresh),
        scores=scores,
        **_holdout(end),
        n_trials=len(tried),
        **counts,
        seconds=sum(_seconds(record) for record in own),
        patches=sum(record.metrics.get("cost/patches", 0.0) for record in own),
    )


def _seconds(record: TrialRecord) -> float:
    """Return how long a trial trained; one that was stopped counts from its start, its process's start included."""
    return record.metrics.get("cost/seconds", (record.ended or record.started) - record.started)


def end_row(end: FinalScore, kind: Literal["floor", "ceiling"], n_seeds: int) -> Row:
    """Return the row of a floor or ceiling."""
    return Row(
        kind=kind,
        name=end.name,
        f1_macro=end.f1_macro,
        f1_std=end.f1_std,
        n_seeds=n_seeds if end.name == "random" else 1,
        **_holdout(end),
    )


def _holdout(end: FinalScore | None) -> dict[str, Any]:
    if end is None or end.holdout is None:
        return {}
    found = end.holdout
    return {"holdout": found.f1_macro, "holdout_low": found.low, "holdout_high": found.high}


def summarise(request: Request, card: Card, records: Sequence[TrialRecord], ending: PipelineResult) -> Summary:
    """Return how a search ended.

    Args:
        request: What was asked for.
        card: Card of the data set.
        records: All its trials.
        ending: What the stages found.
    """
    ends = {end.name: end for end in ending.ends}
    methods = [method_row(method, records, ending, ends.get(method)) for method in ending.winners]
    methods.sort(key=lambda row: (row.name != ending.method, -row.f1_macro))
    others = [end for end in ending.ends if end.name not in ending.winners]
    floors = [end_row(end, "floor", len(ending.fresh[ending.method])) for end in others if end.name != "oracle"]
    ceilings = [end_row(end, "ceiling", 1) for end in others if end.name == "oracle"]
    found = {
        space.method: importances(records_of(records, "search"), space, request.primary_objective)
        for space in request.spaces
    }
    best = ending.winners[ending.method].configuration
    space = next(space for space in request.spaces if space.method == ending.method)
    done = [r for r in records if r.stage == "final" and r.configuration == best.id and r.outcome == "completed"]
    names = {name for record in done for name in record.metrics if name.startswith(("probe/", "cost/", "train/"))}
    holdout = ends[ending.method].holdout
    return Summary(
        search=request.name,
        dataset=request.dataset,
        winner=ending.method,
        rows=[*methods, *floors, *ceilings],
        importances={method: {"how": each.how, "values": each.values} for method, each in found.items()},
        n_holdout=0 if holdout is None else holdout.n_patches,
        look=ending.look,
        notes=[*_shared(request, records), *_screened(request, records), *_notes(card), *ending.notes],
        final={name: mean([r.metrics[name] for r in done if name in r.metrics]) for name in sorted(names)},
        seconds=ending.seconds,
        front=members(records_of(records, "search"), request.objectives) if len(request.objectives) > 1 else [],
        n_spared=ending.n_spared,
        response=response(records, space, request.primary_objective, best.id, best.flat(), request.is_screened),
    )


def _shared(request: Request, records: Sequence[TrialRecord]) -> list[str]:
    if not request.share_trials:
        return []
    counts = Counter(record.method for record in records_of(records, "search"))
    shares = ", ".join(f"{method} {n}" for method, n in counts.most_common())
    return [f"The methods shared {counts.total()} trials ({shares}), so this does not compare them at equal budgets."]


def _screened(request: Request, records: Sequence[TrialRecord]) -> list[str]:
    """Return whether what was found at less was confirmed: both on the fold that configurations were tried on."""
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
    what = f"Configurations were tried at {request.screen_size or size} px{share}, finalists at {size} px on all"
    if len(order) < 2:
        return [f"{what}; with one finalist nothing tells whether the order is the same there."]
    place = sorted(order, key=lambda each: -trained[each]).index(order[0]) + 1
    same = "is the best there too" if place == 1 else f"is number {place} of {len(order)} there"
    return [f"{what}: the best tried {same}, on the same fold."]


def _notes(card: Card) -> list[str]:
    notes = []
    if card.transductive:
        notes.append("Transductive: the labelled patches, without their labels, were part of the pool.")
    if not card.groups_known:
        notes.append("Groups are not known: each image counts as its own, so the figures are optimistic.")
    if card.unscored_classes:
        left_out = ", ".join(f"{name} ({count})" for name, count in card.unscored_classes.items())
        notes.append(f"Too rare to be scored: {left_out}.")
    return notes
