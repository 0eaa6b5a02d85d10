"""Sections that show every training by its method: macro F1 and L1."""

from bench.record.summary import Row
from bench.reporting.report.chart import ROLES, Axis, Chart, Level, Mark, Points
from bench.reporting.report.evidence import F1, L1, SSIM, Evidence, Section, selection_bias
from bench.reporting.report.sections.outcome import in_order, in_words, interval, name_of

STAGES = {
    "search": ("trial on one fold", -0.24, "circle"),
    "folds": ("finalist on another fold", 0.0, "square"),
    "protocol": ("training on one fold", -0.1, "circle"),
    "final": ("winner from a fresh seed, whole pool", 0.2, "diamond"),
}
"""Legend, offset from the middle of a row, and symbol of the trainings of a stage."""


def f1_by_method(evidence: Evidence) -> Section:
    """Return macro F1 of every training by method, with floors and ceiling (the paper's figure 3)."""
    key, title = "f1", "Macro F1 by method"
    if evidence.done.empty:
        return Section(key, title, missing="No trial is completed yet.")
    names = evidence.methods
    others = [row for row in in_order(evidence.rows) if row.kind != "method"]
    ends = _best_and_worst(evidence, names)
    triangles = (
        "The triangles mark the folds on which a method's configuration has its best (▲) and its worst (▼) "
        "reconstruction by SSIM, as in figure 3 of the paper."
        if ends
        else "No configuration was trained on two folds, so best and worst reconstruction are not marked."
    )
    marks = [*_trainings(evidence, names, F1), *ends, *_means(evidence, names)]
    for kind, colour, symbol in (("floor", ROLES["floor"], "square"), ("ceiling", ROLES["ceiling"], "diamond")):
        own = [(len(names) + place, row) for place, row in enumerate(others) if row.kind == kind]
        if own:
            marks.append(
                Points(
                    kind,
                    tuple(row.f1_macro for _, row in own),
                    tuple(float(place) for place, _ in own),
                    tuple(f"{name_of(row)}: {row.f1_macro:.3f}" for _, row in own),
                    colour,
                    symbol,
                    size=10,
                )
            )
    marks += baselines(evidence.rows)
    labels = (*names, *(name_of(row) for row in others))
    chart = Chart(
        "f1",
        title,
        Axis("macro F1"),
        Axis("", labels),
        tuple(marks),
        150 + 44 * len(labels),
    )
    words = (
        "Each point is a training. The dashed lines are the strongest floor and, where there is one, the ceiling. "
        f"{triangles}",
        selection_bias(evidence),
    )
    return Section(key, title, words, charts=(chart,))


def baselines(rows: tuple[Row, ...]) -> list[Mark]:
    """Return a line at the strongest floor and one at the first ceiling, those of them that there are."""
    found: list[Mark] = []
    floors = [row for row in rows if row.kind == "floor"]
    if floors:
        best = max(floors, key=lambda row: row.f1_macro)
        found.append(Level(f"strongest floor: {best.name}", best.f1_macro, ROLES["floor"]))
    top = next((row for row in rows if row.kind == "ceiling"), None)
    if top is not None:
        found.append(Level(f"ceiling: {top.name}", top.f1_macro, ROLES["ceiling"]))
    return found


def _trainings(evidence: Evidence, names: tuple[str, ...], metric: str) -> list[Mark]:
    """Return the value of every training, one row for each method, one symbol for each stage."""
    found: list[Mark] = []
    known = evidence.done[evidence.done[metric].notna()]
    for stage in known["stage"].unique():
        own = known[known["stage"] == stage]
        label, offset, symbol = STAGES.get(stage, (str(stage), 0.0, "circle"))
        # Trials spread a little, because many have nearly the same score.
        spread = [0.16 * ((0.618 * number) % 1 - 0.5) for number in range(len(own))]
        places = [names.index(method) + offset + s for method, s in zip(own["method"], spread, strict=True)]
        texts = tuple(f"{text}: {value:.3f}" for text, value in zip(own["label"], own[metric], strict=True))
        colour = ROLES.get(stage, ROLES["search"])
        found.append(Points(label, tuple(own[metric]), tuple(places), texts, colour, symbol, stage == "search", size=7))
    return found


def _best_and_worst(evidence: Evidence, names: tuple[str, ...]) -> list[Mark]:
    """Return the folds with the best and the worst reconstruction of each method's configuration."""
    ends: dict[str, list[tuple[float, float, str]]] = {"best": [], "worst": []}
    if SSIM not in evidence.done:
        return []
    for place, method in enumerate(names):
        done = evidence.done
        own = done[(done["configuration"] == evidence.chosen.get(method)) & done["fold"].notna() & done[SSIM].notna()]
        if own["fold"].nunique() < 2:
            continue
        ordered = own.sort_values(SSIM)
        for end, row in (("worst", ordered.iloc[0]), ("best", ordered.iloc[-1])):
            words = f"{row['label']}: {row[F1]:.3f}, SSIM {row[SSIM]:.3f} ({end} reconstruction)"
            ends[end].append((float(row[F1]), float(place), words))
    symbols = {"best": ("triangle-up", ROLES["range"]), "worst": ("triangle-down", ROLES["lowest"])}
    marks: list[Mark] = []
    for end, found in ends.items():
        if found:
            x, y, texts = zip(*found, strict=True)
            symbol, colour = symbols[end]
            marks.append(Points(f"fold with the {end} reconstruction", x, y, texts, colour, symbol, size=11))
    return marks


def _means(evidence: Evidence, names: tuple[str, ...]) -> list[Mark]:
    """Return the mean of each method that has an interval, with it."""
    rows = [row for row in evidence.rows if row.kind == "method"]
    own = [(row, ends) for row in rows if (ends := interval(row, evidence)) is not None]
    if not own:
        return []
    return [
        Points(
            "mean, 95 % interval",
            tuple(row.f1_macro for row, _ in own),
            tuple(names.index(row.name) + 0.36 for row, _ in own),
            tuple(f"{row.name}: {row.f1_macro:.3f} ({in_words(ends)}, {row.n_seeds} trainings)" for row, ends in own),
            ROLES["final"],
            "square",
            low=tuple(ends[0] for _, ends in own),
            high=tuple(ends[1] for _, ends in own),
        )
    ]


def l1_by_method(evidence: Evidence) -> Section:
    """Return L1 inside the cell by method (the paper's figure 2)."""
    key, title = "l1", "L1 inside the cell by method"
    metric, what = next(
        (pair for pair in (("val/l1_cell", "L1 inside the cell"), (L1, "L1 in the centre disc at 32 px"))
         if pair[0] in evidence.done and evidence.done[pair[0]].notna().any()),
        ("", ""),
    )  # fmt: skip
    if not metric:
        return Section(key, title, missing="No completed trial left a fold out, so there is no L1 of unseen patches.")
    marks = _trainings(evidence, evidence.methods, metric)
    axes = Axis(f"{what} (less is better)"), Axis("", evidence.methods)
    chart = Chart("l1", title, *axes, tuple(marks), 170 + 44 * len(evidence.methods))
    words = ("Each point is a training, scored on the fold that it did not see, as in figure 2 of the paper. A good "
             "reconstruction need not be a good representation: see the last scatter plots.",)  # fmt: skip
    return Section(key, title, words, charts=(chart,))
