"""The rows of a search's table: one for each method, floor and ceiling."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.pipeline.final_scores import End
from bench.record.folder import TrialRecord
from bench.statistics.selection import Standing

SHOWN = ("val/ssim_cell", "val/l1_cell", "val/l1_core", "latent/leakage", "latent/cell_content")
"""Scores of a method that need unseen patches, so they come from its trainings on folds."""


@dataclass
class Ending:
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
    ends: list[End]
    look: int
    n_spared: int
    seconds: float
    notes: list[str] = field(default_factory=list)


class Row(BaseModel):
    """One line of the table.

    Attributes:
        kind: `method`, `floor` or `ceiling`.
        name: Its name.
        configuration: Short hash of the configuration; empty for a floor.
        params: Its hyperparameters, lengths in native px.
        f1_macro: Macro F1 on the labelled patches, cross-validated; for what is trained, the mean over fresh seeds.
        f1_std: Its standard deviation over seeds; for PCA over folds.
        n_seeds: Number of trainings in that mean.
        scores: Those of `SHOWN`: means over folds.
        holdout: Macro F1 on the holdout; only the winner, floors and the ceiling are looked at.
        holdout_low: Lower end of its 95 % bootstrap interval over groups.
        holdout_high: Upper end.
        n_trials: Trials of the search stage, and of these
        n_completed: completed,
        n_pruned: stopped early,
        n_failed: failed.
        seconds: Time of all its trainings, added up.
        patches: Patches that all its trainings have seen.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["method", "floor", "ceiling"]
    name: str
    configuration: str = ""
    params: dict[str, bool | int | float | str] = {}
    f1_macro: float
    f1_std: float | None
    n_seeds: int = 1
    scores: dict[str, float] = {}
    holdout: float | None = None
    holdout_low: float | None = None
    holdout_high: float | None = None
    n_trials: int = 0
    n_completed: int = 0
    n_pruned: int = 0
    n_failed: int = 0
    seconds: float = 0.0
    patches: float = 0.0


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return float(np.mean(values))


def records_of(records: Sequence[TrialRecord], stage: str) -> list[TrialRecord]:
    """Return the trials of a stage."""
    return [record for record in records if record.stage == stage]


def method_row(method: str, records: Sequence[TrialRecord], ending: Ending, end: End | None) -> Row:
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


def end_row(end: End, kind: Literal["floor", "ceiling"], n_seeds: int) -> Row:
    """Return the row of a floor or ceiling."""
    return Row(
        kind=kind,
        name=end.name,
        f1_macro=end.f1_macro,
        f1_std=end.f1_std,
        n_seeds=n_seeds if end.name == "random" else 1,
        **_holdout(end),
    )


def _holdout(end: End | None) -> dict[str, Any]:
    if end is None or end.holdout is None:
        return {}
    found = end.holdout
    return {"holdout": found.f1_macro, "holdout_low": found.low, "holdout_high": found.high}
