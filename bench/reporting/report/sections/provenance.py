"""Sections about the trials, their cost, and how the search and this page are made again."""

import math
from typing import TYPE_CHECKING

from bench.reporting.report.chart import ROLES, Axis, Chart, Points
from bench.reporting.report.evidence import F1, L1, LEAKAGE, SSIM, Evidence, Section, Table
from bench.reporting.report.sections.by_method import STAGES
from bench.reporting.report.sections.outcome import number
from bench.terminal.formatting import counted, duration

if TYPE_CHECKING:
    import pandas as pd

SECONDS, PATCHES = "cost/seconds", "cost/patches"
OUTCOMES = ("completed", "pruned", "failed", "running")


def seconds_of(trials: "pd.DataFrame") -> "pd.Series":
    """Return the time of each trial in s: what it recorded, else from its start to its end; NaN while it runs."""
    measured = (trials["ended"] - trials["started"]).dt.total_seconds()
    return trials[SECONDS].fillna(measured) if SECONDS in trials else measured


def cost(evidence: Evidence) -> Section:
    """Return the time of each trial and of the whole search."""
    key, title, trials = "cost", "Cost", evidence.trials
    if trials.empty:
        return Section(key, title, missing="The search has no trial yet.")
    trials = trials.assign(seconds=seconds_of(trials), patches=trials.get(PATCHES, math.nan))
    grouped = trials.groupby(["method", "stage"], sort=False)
    frame = grouped.agg(trials=("key", "size"), seconds=("seconds", "sum"), patches=("patches", "sum")).reset_index()
    for outcome in OUTCOMES:
        ended_so = trials.assign(ended_so=trials["outcome"] == outcome).groupby(["method", "stage"], sort=False)
        frame[outcome] = ended_so["ended_so"].sum().to_numpy()
    heads = ("method", "stage", "trials", *OUTCOMES, "time", "patches seen")
    rows = [
        (
            *(row["method"], row["stage"], str(row["trials"])),
            *(str(row[outcome]) for outcome in OUTCOMES),
            *(duration(row["seconds"]), _count(row["patches"])),
        )
        for _, row in frame.iterrows()
    ]
    total = ("all", "", str(len(trials)), *(str(int(frame[o].sum())) for o in OUTCOMES),
             duration(trials["seconds"].sum()), _count(trials["patches"].sum()))  # fmt: skip
    table = Table("cost", "Cost by method and stage", heads, (*rows, total), frame, frozenset({len(rows)}), n_text=2)
    known = trials[trials["seconds"].notna()].sort_values("started")
    known = known.assign(place=range(1, len(known) + 1))
    marks = []
    for stage in known["stage"].unique():
        own = known[known["stage"] == stage]
        label, _, symbol = STAGES.get(stage, (stage, 0.0, "circle"))
        texts = tuple(
            f"{evidence.label(row)}, {row['outcome']}: {duration(row['seconds'])}" for _, row in own.iterrows()
        )
        x, y = tuple(own["place"]), tuple(own["seconds"])
        marks.append(Points(label, x, y, texts, ROLES.get(stage, ROLES["ceiling"]), symbol, stage == "search", size=7))
    chart = Chart("cost", "Time of each trial", Axis("trial, by its start"), Axis("time (s)"), tuple(marks), 340)
    span = (trials["ended"].max() - trials["started"].min()).total_seconds()
    wall = (
        "" if math.isnan(span) else f" From the first start to the last end: {duration(span)}, interruptions included."
    )
    words = (
        f"{counted(len(trials), 'trial')}, {duration(trials['seconds'].sum())} of training and scores in all.{wall} "
        "Trials that run side by side share a machine, so times depend on how many did. Time in the queue, and the "
        "time of floors and of a supervised ceiling, are not recorded.",
    )
    return Section(key, title, words, (table,), (chart,))


def _count(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.0f}".replace(",", " ")


def trials_table(evidence: Evidence) -> Section:
    """Return the table of all trials, the best macro F1 first."""
    key, title, trials = "trials", "Trials", evidence.trials
    if trials.empty:
        return Section(key, title, missing="The search has no trial yet.")
    trials = trials.assign(seconds=seconds_of(trials))
    for name in (F1, SSIM, L1, LEAKAGE):
        if name not in trials:
            trials[name] = math.nan
    trials = trials.assign(**{F1: trials[F1].where(trials["outcome"] == "completed")})
    trials = trials.sort_values(F1, ascending=False, na_position="last", kind="stable")
    rows = tuple(
        (
            evidence.label(row),
            row["stage"],
            row["outcome"],
            *(number(row[name]) for name in (F1, SSIM, L1, LEAKAGE)),
            "–" if math.isnan(row["seconds"]) else duration(row["seconds"]),
        )
        for _, row in trials.iterrows()
    )
    heads = ("trial", "stage", "outcome", "macro F1", "SSIM", "L1", "leakage", "time")
    table = Table(
        "trials", f"All {len(rows)} trials", heads, rows, trials.drop(columns="seconds"), n_text=3, is_folded=True
    )
    words = ("The best macro F1 first; trials without one follow. trials.csv and trials.parquet have every "
             "hyperparameter and metric, columns.csv their units.",)  # fmt: skip
    return Section(key, title, words, (table,))


def environment(evidence: Evidence) -> Section:
    """Return environment, seeds and fingerprints."""
    return Section("environment", "Environment, seeds and fingerprints", facts=evidence.facts)


def commands(evidence: Evidence) -> Section:
    """Return the commands that make the search and this page again."""
    return Section("commands", "Commands", facts=evidence.commands)
