"""Sections about what the encoders learned: pictures, the radius, classes, embeddings, and relations of scores."""

import math

from bench.reporting.report.chart import (
    ROLES,
    SERIES,
    SYMBOLS,
    Axis,
    Band,
    Chart,
    Heat,
    Level,
    Line,
    Mark,
    Points,
    Span,
    shortened,
)
from bench.reporting.report.evidence import F1, LEAKAGE, SSIM, Evidence, Section, Table
from bench.reporting.report.sections.by_method import STAGES
from bench.reporting.report.sections.outcome import not_ended
from bench.space.objectives import OBJECTIVES
from bench.terminal.formatting import length_in_words, lengths_in_words

OF_CLASS = "probe/f1/"
MIN_RANKED = 5
"""Smallest number of trainings for a rank correlation."""


def pictures(evidence: Evidence) -> Section:
    """Return the reconstructions of each method, all of the same patches (the paper's figure 1)."""
    title = "Patches, weights and reconstructions"
    if not evidence.pictures:
        why = evidence.gaps.get("pictures", "No completed trial on fold 0 kept its picture.")
        return Section("pictures", title, missing=why)
    words = (
        "Each picture has the same patches, which its training did not see: the patch, the patch under the weights of "
        "the loss, and its reconstruction by the method's configuration, as in figure 1 of the paper.",
    )
    return Section("pictures", title, words, pictures=evidence.pictures)


def radius(evidence: Evidence) -> Section:
    """Return the objective over the radius with its band, the estimate of the cell radius, and the acceptable range."""
    key, title, response = "radius", "Score over the radius", evidence.response
    if response is None:
        why = "No radius of the winner was searched." if evidence.rows else not_ended(evidence.kind, evidence.name)
        return Section(key, title, missing=why)
    marks: list[Mark] = []
    if response.radii:
        for low, high in response.acceptable:
            marks.append(Span(f"acceptable: {lengths_in_words(low, high, None)}", low, high, ROLES["range"]))
        curve = tuple(response.radii), ROLES["curve"]
        band = "95 % of the modelled curves"
        marks.append(Band(band, curve[0], tuple(response.low), tuple(response.high), curve[1]))
        marks.append(Line("with the winner's other settings", curve[0], tuple(response.mean), curve[1]))
    for stage in dict.fromkeys(point.stage for point in response.points):
        own = [point for point in response.points if point.stage == stage]
        label, _, symbol = STAGES.get(stage, (stage, 0.0, "circle"))
        texts = tuple(
            f"{response.parameter} {length_in_words(p.radius, None)}, seed {p.seed}: {p.value:.3f}" for p in own
        )
        x, y = tuple(point.radius for point in own), tuple(point.value for point in own)
        marks.append(Points(label, x, y, texts, ROLES.get(stage, ROLES["search"]), symbol, stage == "search"))
    if evidence.cell_radius_px is not None:
        marks.append(Level(f"cell radius of the card: {length_in_words(evidence.cell_radius_px, None)}",
                           evidence.cell_radius_px, ROLES["lowest"]))  # fmt: skip
    objective = OBJECTIVES.get(response.objective)
    better = "more" if objective.sign > 0 else "less"
    name = f"{response.parameter} of {response.method}"
    chart = Chart(
        "radius",
        title,
        Axis(
            f"{name} (native px)",
            scale="log",
            limits=_padded([point.radius for point in response.points], evidence.cell_radius_px),
        ),
        Axis(f"{objective.description} ({better} is better)"),
        tuple(marks),
    )
    words = (response.sentence(evidence.um_per_px), "The range is of the mask's radius, not of the cell.")
    return Section(key, title, words, charts=(chart,))


def _padded(radii: list[float], also: float | None) -> tuple[float, float]:
    """Return the ends of a logarithmic axis that holds all radii, with a margin."""
    known = [*radii, *([] if also is None else [also])]
    return 0.93 * min(known), 1.07 * max(known)


def classes(evidence: Evidence) -> Section:
    """Return F1 of each class by method as a heat map, with the number of labelled patches of each class."""
    import pandas as pd

    key, title = "classes", "F1 of each class"
    columns = [name for name in evidence.done.columns if name.startswith(OF_CLASS)]
    rows = {method: found for method in evidence.methods if (found := _of_classes(evidence, method, columns))}
    if not rows:
        return Section(key, title, missing="No completed trial recorded F1 of each class.")
    names = [name.removeprefix(OF_CLASS) for name in columns]
    labels = tuple(f"{shortened(n, 24)} ({evidence.n_per_class[n]})" if n in evidence.n_per_class else n for n in names)
    values = tuple(tuple(row[name] for name in columns) for row in rows.values())
    x = Axis("class (labelled patches)" if evidence.n_per_class else "class", labels)
    size = {"height": 210 + 40 * len(rows), "min_width": 200 + 50 * len(labels)}
    chart = Chart("classes", title, x, Axis("", tuple(rows)), (Heat("F1", values),), **size)
    frame = pd.DataFrame(
        [{"method": method, "class": n, "f1": row[c], "n_labelled": evidence.n_per_class.get(n)}
         for method, row in rows.items() for c, n in zip(columns, names, strict=True)]
    )  # fmt: skip
    cells = tuple((n, str(evidence.n_per_class.get(n, "–")), *(_shown(row[c]) for row in rows.values()))
                  for c, n in zip(columns, names, strict=True))  # fmt: skip
    table = Table("classes", title, ("class", "n", *rows), cells, frame, is_folded=True)
    words = (
        "Each row is the configuration that stands for its method: the mean over its fresh seeds, or over its folds "
        "where it has none. F1 of a class with few patches is uncertain.",
    )
    return Section(key, title, words, (table,), (chart,))


def _of_classes(evidence: Evidence, method: str, columns: list[str]) -> dict[str, float]:
    """Return the mean F1 of each class of a method's configuration; empty where there is none."""
    own = evidence.trainings_of(method)
    means = {name: float(own[name].mean()) for name in columns}
    return means if any(not math.isnan(value) for value in means.values()) else {}


def _shown(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def embedding_map(evidence: Evidence) -> Section:
    """Return the map of the embeddings of the labelled patches."""
    key, title, found = "map", "Map of the embeddings", evidence.embedding
    if found is None:
        return Section(key, title, missing=evidence.gaps.get("map", "No completed trial kept its embeddings."))
    marks = []
    for code, name in enumerate(found.classes):
        own = [place for place, each in enumerate(found.codes) if each == code]
        if own:
            marks.append(
                Points(
                    name,
                    tuple(found.x[place] for place in own),
                    tuple(found.y[place] for place in own),
                    tuple(f"{name}, patch {place}" for place in own),
                    SERIES[code % len(SERIES)],
                    SYMBOLS[code // len(SERIES) % len(SYMBOLS)],
                    size=7,
                    tiles=tuple(own),
                )
            )
    x, y = map(Axis, found.titles)
    chart = Chart("map", title, x, y, tuple(marks), 560)
    n = len(found.x)
    some = "" if n == found.n_all else f" {n} of the {found.n_all} patches are shown, drawn at random."
    words = (
        f"Embeddings of the labelled patches by {found.trial}.{some} None is from the holdout. Put the pointer on a "
        "point to see its patch.",
        found.how,
    )
    return Section(key, title, words, charts=(chart,), embedding=found)


def relations(evidence: Evidence) -> Section:
    """Return macro F1 over SSIM and over leakage, each with its rank correlation."""
    key, title = "relations", "Do reconstruction and leakage predict macro F1?"
    charts, words = [], []
    for name, metric, what in (
        ("SSIM", SSIM, "SSIM inside the cell"),
        ("leakage", LEAKAGE, "Leakage into the latent"),
    ):
        known = evidence.done
        known = known[known[metric].notna() & known["fold"].notna()] if metric in known else known.iloc[:0]
        if len(known) < MIN_RANKED:
            words.append(
                f"{what}: fewer than {MIN_RANKED} completed trainings on folds, too few for a rank correlation."
            )
            continue
        ranks = known[metric].rank().corr(known[F1].rank())  # Spearman's: Pearson's of the ranks
        shown = "undefined, because all values are equal" if math.isnan(ranks) else f"{ranks:.2f}".replace("-", "−")
        words.append(f"{what} and macro F1: Spearman's rank correlation {shown} over {len(known)} trainings.")
        marks: list[Mark] = []
        for place, method in enumerate(evidence.methods):
            own = known[known["method"] == method]
            if len(own):
                texts = tuple(
                    f"{text}: {x:.3f}, F1 {y:.3f}"
                    for text, x, y in zip(own["label"], own[metric], own[F1], strict=True)
                )
                colour, symbol = SERIES[place % len(SERIES)], SYMBOLS[place // len(SERIES) % len(SYMBOLS)]
                marks.append(Points(method, tuple(own[metric]), tuple(own[F1]), texts, colour, symbol))
        charts.append(Chart(f"{name.lower()}_f1", f"Macro F1 over {name}", Axis(what), Axis("macro F1"), tuple(marks)))
    if not charts:
        return Section(key, title, missing=" ".join(words))
    words.append(
        "The trials of a sampler are not independent, so the correlations have no interval. A good reconstruction is "
        "no proof of a good representation."
    )
    return Section(key, title, tuple(words), charts=tuple(charts))
