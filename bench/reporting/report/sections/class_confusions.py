"""Sections computed from confusion matrices: F1 at natural class frequencies, and F1 that forgives neighbours."""

from collections.abc import Callable, Sequence

import numpy as np

from bench.reporting.report.chart import ROLES, Axis, Chart, Points
from bench.reporting.report.evidence import Evidence, Section, Table
from bench.reporting.report.sections.outcome import number
from cellbench.probes.confusion import at_frequencies, f1_of_counts, forgiving, neighbours_of
from cellbench.scores.confusions import Confusions

Change = Callable[[np.ndarray], np.ndarray]
"""Returns a changed confusion matrix."""
MEASURED = "as measured"
SOURCES = {
    "published": "The frequencies are those of the data set's card.",
    "pool": (
        "The card has no published frequencies, so they are those of the patches of the pool with a scored class. "
        "Where whoever made the data set chose patches by class, or --max-per-class limited them, these are not the "
        "frequencies in a patient; python -m bench.datasets set NAME --class-frequencies writes known ones."
    ),
}
"""Where the natural frequencies are from, as a sentence."""
NO_TABLES = (
    "No training that stands for a method has a confusion matrix. Trainings of older versions recorded none; a new "
    "search does."
)
OF_WHICH = (
    "The trainings are those of “F1 of each class”: fresh seeds, or folds where there are none. The ceiling "
    "“supervised (one fold)” is measured on the patches of one fold."
)


def natural_frequencies(evidence: Evidence) -> Section:
    """Return macro F1 at natural class frequencies beside that at equal ones and that of the labelled patches."""
    import pandas as pd

    key, title, facts = "natural", "F1 at natural class frequencies", evidence.classes
    if missing := _missing(evidence):
        return Section(key, title, missing=missing)
    frequencies = facts.frequencies
    if frequencies is None:
        why = "The card has no class frequencies, and no patch of the pool has a label of a scored class."
        return Section(key, title, missing=why)
    changes: dict[str, Change] = {
        MEASURED: lambda table: table,
        "equal frequencies": lambda table: at_frequencies(table, np.ones(len(table))),
        "natural frequencies": lambda table: at_frequencies(table, frequencies),
    }
    rows = {name: [mean_f1(found, change) for change in changes.values()] for name, found in facts.confusions.items()}
    weighted = {name: float(frequencies @ found[-1]) for name, found in rows.items()}
    frame = pd.DataFrame(
        [
            {"name": name, "f1_macro": found[0].mean(), "f1_equal": found[1].mean(), "f1_natural": found[2].mean(),
             "f1_natural_weighted": weighted[name]} for name, found in rows.items()
        ]
    )  # fmt: skip
    cells = tuple(
        (name, *(number(float(f1.mean())) for f1 in found), number(weighted[name])) for name, found in rows.items()
    )
    table = Table("natural", title, ("", *changes, "natural, weighted"), cells, frame)
    chart = _chart(
        "natural", title, {name: [float(f1.mean()) for f1 in found] for name, found in rows.items()}, [*changes]
    )
    words = (
        "Macro F1 from the confusion matrices of the probe. “As measured” has the classes as often as the labelled "
        "patches do. The others scale the row of each true class to another frequency, so a class that is rare in "
        "nature loses precision to the mistakes on frequent ones. “Natural, weighted” is the mean of the F1 of the "
        "classes weighted by their natural frequency. Cells of a class are taken to look alike in both samples. "
        + SOURCES[facts.source].replace("NAME", evidence.dataset),
        OF_WHICH,
    )
    return Section(key, title, words, (table, _by_class(evidence, rows, frequencies)), (chart,))


def _by_class(evidence: Evidence, rows: dict[str, list[np.ndarray]], frequencies: np.ndarray) -> Table:
    """Return the natural frequency of each class, and its F1 at natural frequencies by method."""
    import pandas as pd

    names = next(iter(evidence.classes.confusions.values()))[0].classes
    methods = [name for name in rows if name in evidence.methods]
    cells = tuple(
        (name, f"{100 * frequencies[code]:.1f} %", *(number(float(rows[method][-1][code])) for method in methods))
        for code, name in enumerate(names)
    )
    frame = pd.DataFrame(
        [
            {"name": method, "class": name, "frequency": frequencies[code], "f1_natural": found[-1][code]}
            for method, found in rows.items()
            for code, name in enumerate(names)
        ]
    )
    title = "F1 of each class at natural class frequencies"
    return Table("natural_classes", title, ("class", "frequency", *methods), cells, frame, is_folded=True)


def neighbouring_stage(evidence: Evidence) -> Section:
    """Return macro F1 in which a confusion with a direct neighbour in the order of the card counts as right."""
    import pandas as pd

    key, title, facts = "neighbours", "F1 that forgives a neighbouring stage", evidence.classes
    if missing := _missing(evidence):
        return Section(key, title, missing=missing)
    classes = next(iter(facts.confusions.values()))[0].classes
    neighbours = neighbours_of(classes, facts.order)
    if not neighbours.any():
        why = (
            "The card of the data set has no order of classes, so no stage of maturation has a known neighbour; "
            f"python -m bench.datasets set {evidence.dataset} --class-order PMY,MY,MMY,BNE,SNE writes one."
        )
        return Section(key, title, missing=why)
    rows = {
        name: (
            float(mean_f1(found, lambda table: table).mean()),
            float(mean_f1(found, lambda table: forgiving(table, neighbours)).mean()),
            _share_of_errors(found, neighbours),
        )
        for name, found in facts.confusions.items()
    }
    heads = ("", MEASURED, "neighbours forgiven", "gain", "share of errors")
    cells = tuple(
        (name, number(plain), number(forgiven), f"{forgiven - plain:+.3f}", f"{100 * share:.0f} %")
        for name, (plain, forgiven, share) in rows.items()
    )
    frame = pd.DataFrame(
        [
            {"name": name, "f1_macro": plain, "f1_forgiving": forgiven, "neighbour_share_of_errors": share}
            for name, (plain, forgiven, share) in rows.items()
        ]
    )
    table = Table("neighbours", title, heads, cells, frame)
    chart = _chart("neighbours", title, {name: list(found[:2]) for name, found in rows.items()}, list(heads[1:3]))
    order = "; ".join(" – ".join(one) for one in facts.order)
    words = (
        f"A prediction of the next or the previous stage counts as right. Order of the card: {order}. "
        "“Share of errors” is how many wrong predictions are such neighbours. Forgiving raises every score, that of a "
        "floor too, so compare rows, not columns.",
        OF_WHICH,
    )
    return Section(key, title, words, (table,), (chart,))


def mean_f1(found: Sequence[Confusions], change: Change) -> np.ndarray:
    """Return the mean F1 of each class over all confusion matrices, shape (classes,), each changed first.

    Args:
        found: Confusion matrices of the trainings of one method, floor or ceiling.
        change: Returns a changed confusion matrix.
    """
    return np.asarray(np.mean([f1_of_counts(change(table)) for each in found for table in each.counts], axis=0))


def _share_of_errors(found: Sequence[Confusions], neighbours: np.ndarray) -> float:
    """Return the share of wrong predictions that are a neighbour of the true class, 0 where none is wrong."""
    total = sum(table for each in found for table in each.counts)
    wrong = int(np.sum(total) - np.trace(total))
    return float(np.sum(np.where(neighbours, total, 0)) / wrong) if wrong else 0.0


def _missing(evidence: Evidence) -> str:
    """Return why no section can be made from confusion matrices; empty where one can."""
    return evidence.gaps.get("confusions", "") or ("" if evidence.classes.confusions else NO_TABLES)


def _chart(key: str, title: str, rows: dict[str, list[float]], series: list[str]) -> Chart:
    """Return a figure with a row for each name and a symbol for each way to compute F1."""
    names = tuple(rows)
    looks = zip(
        series, (ROLES["floor"], ROLES["search"], ROLES["folds"]), ("circle", "square", "diamond"), strict=False
    )
    marks = tuple(
        Points(
            label,
            tuple(found[place] for found in rows.values()),
            tuple(float(row) for row in range(len(names))),
            tuple(f"{name}, {label}: {found[place]:.3f}" for name, found in rows.items()),
            colour,
            symbol,
            size=10,
        )
        for place, (label, colour, symbol) in enumerate(looks)
    )
    return Chart(key, title, Axis("macro F1"), Axis("", names), marks, 170 + 34 * len(names))
