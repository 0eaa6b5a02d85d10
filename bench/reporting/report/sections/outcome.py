"""Sections about the outcome: the answer, the table of methods, and the share of the way."""

import math

from bench.record.noise import half_width
from bench.record.summary import Row
from bench.reporting.report.chart import ROLES, Axis, Chart, Level, Mark, Points
from bench.reporting.report.evidence import L1, LEAKAGE, SSIM, Evidence, Section, Table, selection_bias
from bench.terminal.formatting import duration, share_in_words, with_spread

PROGRAMS = {"search": "bench.search", "reproduction": "bench.reproduce"}
"""The program that continues each kind."""


def not_ended(kind: str, name: str) -> str:
    """Return the sentence for a search or reproduction that has no result yet.

    Args:
        kind: `search` or `reproduction`.
        name: Its name.
    """
    return (
        f"The {kind} has not ended, so it has no result yet; python -m {PROGRAMS[kind]} --resume {name} continues it."
    )


def answer(evidence: Evidence) -> Section:
    """Return the answer in two sentences, and what else a reader needs to believe it."""
    return Section("answer", "Answer", (" ".join(evidence.answer[:2]), *evidence.answer[2:], *evidence.remarks))


def interval(row: Row, evidence: Evidence) -> tuple[float, float] | None:
    """Return the 95 % interval of a method's mean macro F1; None where there is none.

    It is that of the evidence, else Student's over the fresh seeds of the row.
    """
    if evidence.intervals is not None:
        return evidence.intervals.get(row.name) if row.kind == "method" else None
    if row.kind == "floor" or row.f1_std is None or row.n_seeds < 2:
        return None
    half = half_width(row.f1_std**2 / row.n_seeds, row.n_seeds, 0.0, 1)
    return row.f1_macro - half, row.f1_macro + half


def lead_interval(best: Row, floor: Row) -> tuple[float, float] | None:
    """Return Welch's 95 % interval of the difference of macro F1 between a method and a floor, over their seeds.

    A floor without seeds counts as a fixed number.

    Args:
        best: A method.
        floor: A floor.

    Returns:
        Lower and upper end; None where the method has one seed.
    """
    if best.f1_std is None or best.n_seeds < 2:
        return None
    of_seeds = (floor.f1_std or 0.0) if floor.n_seeds > 1 else 0.0
    half = half_width(best.f1_std**2 / best.n_seeds, best.n_seeds, of_seeds**2 / floor.n_seeds, floor.n_seeds)
    lead = best.f1_macro - floor.f1_macro
    return lead - half, lead + half


def name_of(row: Row) -> str:
    """Return the name of a row, with `floor` or `ceiling` before it where it is one."""
    return row.name if row.kind == "method" else f"{row.kind} {row.name}"


def methods_table(evidence: Evidence) -> Section:
    """Return the table of methods, floors and ceiling, each kind with the best macro F1 first."""
    import pandas as pd

    title = "Methods, floors and ceiling"
    if not evidence.rows:
        return Section("table", title, missing=not_ended(evidence.kind, evidence.name))
    rows = in_order(evidence.rows)
    few = sorted({n for row in rows for n in row.few_labels})
    frame = pd.DataFrame([_flat(row, few, evidence) for row in rows])
    heads = ("", "macro F1", "95 % interval", "of the way", "holdout", "SSIM", "L1", "leakage",
             *(f"F1, {n} labels" for n in few), "trials", "time")  # fmt: skip
    best = next((place for place, row in enumerate(rows) if row.name == evidence.rows[0].name), 0)
    table = Table(
        "methods",
        title,
        heads,
        tuple(_cells(row, few, evidence) for row in rows),
        frame,
        marked=frozenset({best}),
        dim=frozenset(place for place, row in enumerate(rows) if row.kind != "method"),
    )
    over = "folds and seeds" if evidence.intervals is not None else "fresh seeds"
    words = (
        f"Macro F1 is cross-validated on the labelled patches; of a trained method it is the mean over {over} "
        "± standard deviation, with the interval of the mean. SSIM, L1 (centre disc at 32 px) and leakage "
        "are means over the unseen folds. A floor needs no training, so it has no such scores. “Of the way” is the "
        "share of the way from the strongest floor to the ceiling. “F1, 5 labels” has 5 labels a class.",
        selection_bias(evidence),
    )
    return Section("table", title, words, (table, *filter(None, (evidence.comparisons,))))


def in_order(rows: tuple[Row, ...]) -> list[Row]:
    """Return methods, floors and ceilings in this order, each kind with the best macro F1 first."""
    kinds = ("method", "floor", "ceiling")
    return sorted(rows, key=lambda row: (kinds.index(row.kind), -row.f1_macro))


def _flat(row: Row, few: list[int], evidence: Evidence) -> dict[str, object]:
    low, high = interval(row, evidence) or (None, None)
    return {
        "kind": row.kind, "name": row.name, "configuration": row.configuration, "f1_macro": row.f1_macro,
        "f1_std": row.f1_std, "f1_low": low, "f1_high": high, "n_seeds": row.n_seeds, "share": row.share,
        "lead": row.lead, "lead_low": row.lead_low, "lead_high": row.lead_high,
        "holdout": row.holdout, "holdout_low": row.holdout_low, "holdout_high": row.holdout_high,
        **{name: row.scores.get(name) for name in (SSIM, L1, LEAKAGE)},
        **{f"f1_macro_{n}": row.few_labels.get(n) for n in few},
        "n_trials": row.n_trials, "n_completed": row.n_completed, "n_pruned": row.n_pruned, "n_failed": row.n_failed,
        "seconds": row.seconds, "patches": row.patches,
        **{f"params/{name}": value for name, value in row.params.items()},
    }  # fmt: skip


def _cells(row: Row, few: list[int], evidence: Evidence) -> tuple[str, ...]:
    ends = interval(row, evidence)
    seen = None if row.holdout_low is None or row.holdout_high is None else (row.holdout_low, row.holdout_high)
    holdout = "–" if row.holdout is None else f"{row.holdout:.3f}" + (f" ({in_words(seen)})" if seen else "")
    return (
        name_of(row),
        with_spread(row.f1_macro, row.f1_std),
        in_words(ends) if ends else "–",
        share_in_words(row.share),
        holdout,
        *(number(row.scores.get(name)) for name in (SSIM, L1, LEAKAGE)),
        *(number(row.few_labels.get(n)) for n in few),
        str(row.n_trials) if row.n_trials else "–",
        duration(row.seconds) if row.seconds else "–",
    )


def in_words(ends: tuple[float, float]) -> str:
    """Return an interval in words.

    >>> in_words((0.61234, 0.7))
    '0.612 to 0.700'
    """
    return f"{ends[0]:.3f} to {ends[1]:.3f}"


def number(value: float | None) -> str:
    """Return a score with three digits; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def share_of_way(evidence: Evidence) -> Section:
    """Return the share of the way from the strongest floor to the ceiling."""
    key, title = "share", "Share of the way from the strongest floor to the ceiling"
    rows = [row for row in in_order(evidence.rows) if row.share is not None]
    if not evidence.rows:
        return Section(key, title, missing=not_ended(evidence.kind, evidence.name))
    if all(row.kind != "ceiling" for row in evidence.rows):
        return Section(
            key, title, missing="The search trained no ceiling (--oracle or --supervised), so there is no share."
        )
    if not rows:
        return Section(
            key, title, missing="The strongest floor reaches the ceiling at this size, so there is no share."
        )
    marks: list[Mark] = [
        Points(
            kind,
            tuple(float(row.share or 0.0) for _, row in own),
            tuple(float(place) for place, _ in own),
            tuple(f"{name_of(row)}: {share_in_words(row.share)}" for _, row in own),
            colour,
            size=11,
        )
        for kind, colour in (("method", ROLES["search"]), ("floor", ROLES["floor"]), ("ceiling", ROLES["ceiling"]))
        if (own := [(place, row) for place, row in enumerate(rows) if row.kind == kind])
    ]
    marks += [Level("strongest floor", 0.0, ROLES["floor"]), Level("ceiling", 1.0, ROLES["ceiling"])]
    names = tuple(name_of(row) for row in rows)
    chart = Chart("share", title, Axis("share of the way"), Axis("", names), tuple(marks), 150 + 34 * len(names))
    words = ("(F1 − strongest floor) / (ceiling − strongest floor). The shares have the noise of all three numbers.",)
    return Section(key, title, words, charts=(chart,))
