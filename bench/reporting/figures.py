"""The figures of a search: its scores and trials, the Pareto front, and the radius curve; drawn without a display."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.record.radius_range import RadiusRange
from bench.record.summary import Member
from bench.record.trial import TrialRecord
from bench.space.objectives import OBJECTIVES
from bench.space.space import COMMON
from bench.terminal.formatting import lengths_in_words, share_in_words
from cellbench.disk import replaced_file
from cellbench.scores.metrics import find_metric
from cellbench.suppression.base import length_names

if TYPE_CHECKING:
    from bench.record.summary import Summary

COLOURS = {"method": "#2a6f97", "floor": "#9aa5b1", "ceiling": "#c9a227"}


def draw_search(summary: "Summary", tried: Sequence[TrialRecord], path: Path) -> None:
    """Draw macro F1 of methods, floors and ceiling, and macro F1 of trials over their most important parameter.

    Args:
        summary: Summary of the search.
        tried: Trials of its search stage.
        path: PNG to write.
    """
    from matplotlib.figure import Figure

    rows = summary.rows[::-1]
    figure = Figure(figsize=(10, 1.6 + 0.42 * max(6, len(rows))), layout="constrained")
    bars, points = figure.subplots(1, 2, width_ratios=[3, 2])
    spread = [row.f1_std or 0.0 for row in rows]
    bars.barh(
        [row.name for row in rows],
        [row.f1_macro for row in rows],
        xerr=spread,
        color=[COLOURS[row.kind] for row in rows],
        error_kw={"elinewidth": 1, "capsize": 2},
    )
    looked = [(row.holdout, row.name) for row in rows if row.holdout is not None]
    if looked:
        values, names = zip(*looked, strict=True)
        bars.plot(values, names, "D", color="black", markersize=4, label="holdout")
        bars.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1, frameon=False)
    for place, row in enumerate(rows):
        if row.share is not None:
            bars.text(0.01, place, share_in_words(row.share), color="white", va="center", fontsize=8)
    bars.axvline(summary.best_floor.f1_macro, color=COLOURS["floor"], linestyle="--", linewidth=1)
    bars.set_xlim(0, 1)
    bars.set_xlabel("macro F1 (labelled patches; error bars: standard deviation over seeds, for PCA over folds)")
    winner = summary.winner if summary.is_clear else f"{summary.winner}, not clearly ahead"
    what = f"{summary.dataset}: {winner if summary.beats_floors else 'no winner'}"
    if summary.best.share is not None:
        what += "\n(in the bars: share of the way from the strongest floor to the ceiling)"
    elif summary.way():
        what += "\n(the floor reaches the ceiling at this size)"
    bars.set_title(what, loc="left", fontsize=10)
    _draw_trials(points, summary, tried)
    with replaced_file(path) as part:
        figure.savefig(part, dpi=130, format="png")


def _draw_trials(axes: Any, summary: "Summary", tried: Sequence[TrialRecord]) -> None:
    """Draw the trials of the winning method over its most important number that varies.

    Hyperparameters of the method itself come before those that all methods have.
    """
    own = [record for record in tried if record.method == summary.winner]
    numbers = [n for n in summary.best.params if all(type(r.params.get(n)) in (int, float) for r in own)]
    ranked = sorted(numbers, key=lambda name: -summary.importances[summary.winner]["values"].get(name, 0.0))
    varied = [n for n in ranked if len({r.params[n] for r in own}) > 1]
    own_numbers = [name for name in varied if name not in COMMON]
    name = (own_numbers or varied or ranked)[0]
    objective = OBJECTIVES.get("f1")  # as in the bars, whatever the search optimised
    for outcome, marker in (("completed", "o"), ("pruned", "v")):
        shown = [record for record in own if record.outcome == outcome]
        key = objective.final if outcome == "completed" else objective.rung
        pairs = [(record.params[name], record.metrics[key]) for record in shown if record.metrics.get(key)]
        if pairs:
            x, y = zip(*pairs, strict=True)
            fill = COLOURS["method"] if outcome == "completed" else "none"
            label = "completed" if outcome == "completed" else "stopped at a rung"
            axes.scatter(x, y, marker=marker, s=28, facecolors=fill, edgecolors=COLOURS["method"], label=label)
    if axes.collections:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1, frameon=False, fontsize=8)
    axes.set_xlabel(f"{name} (px)" if name in length_names(summary.winner) else name)
    axes.set_ylabel(find_metric(objective.final).title)
    axes.set_title(f"trials of {summary.winner}", loc="left")


def draw_front(found: Sequence[Member], winner: str, path: Path) -> None:
    """Draw the first two objectives of every configuration, the Pareto front as a line, and the winner.

    Args:
        found: Configurations with their values.
        winner: Short hash of the winning configuration.
        path: PNG to write.
    """
    from matplotlib.figure import Figure

    first, second = list(found[0].values)[:2]
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    on_front = sorted((m.values[first], m.values[second]) for m in found if m.on_front)
    axes.plot(*zip(*on_front, strict=True), color=COLOURS["floor"], linewidth=1, zorder=1)
    for flag, fill, label in ((False, "white", "others"), (True, COLOURS["method"], "on the front")):
        shown = [(m.values[first], m.values[second]) for m in found if m.on_front == flag]
        if shown:
            x, y = zip(*shown, strict=True)
            axes.scatter(x, y, s=36, c=fill, edgecolors=COLOURS["method"], label=label)
    won = next((m for m in found if m.configuration == winner), None)
    if won is not None:
        axes.scatter(
            won.values[first], won.values[second], s=150, facecolors="none", edgecolors="#b03a2e", label="winner"
        )
    for name, axis in ((first, axes.xaxis), (second, axes.yaxis)):
        objective = OBJECTIVES.get(name)
        axis.set_label_text(f"{objective.description} ({'more' if objective.sign > 0 else 'less'} is better)")
    axes.set_title(f"{first} and {second} on fold 0", loc="left")
    axes.legend(frameon=False, fontsize=8)
    with replaced_file(path) as part:
        figure.savefig(part, dpi=130, format="png")


STAGES = {
    "search": ("o", "#2a6f97", "trial on fold 0"),
    "folds": ("s", "#e07a1f", "finalist on another fold"),
    "final": ("D", "#7b2d8b", "winner from a fresh seed, on the whole pool"),
}
"""Marker, colour and label of the trainings of each stage."""


def draw_response(response: RadiusRange, path: Path) -> None:
    """Draw the curve with its band, every training, and the acceptable radii.

    Args:
        response: Range of radii that has a curve.
        path: PNG to write.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for number, (low, high) in enumerate(response.acceptable):
        stretches = " or ".join(lengths_in_words(*ends, None) for ends in response.acceptable)
        label = f"acceptable: {stretches}" if number == 0 else None
        axes.axvspan(low, high, color="#b7d7a8", alpha=0.5, linewidth=0, label=label)
    axes.fill_between(response.radii, response.low, response.high, color=COLOURS["floor"], alpha=0.35, linewidth=0,
                      label="95 % of the modelled curves")  # fmt: skip
    axes.plot(response.radii, response.mean, color="#333333", label="with the winner's other settings")
    for stage, (marker, colour, label) in STAGES.items():
        shown = [point for point in response.points if point.stage == stage]
        if shown:
            fills = [colour if point.configuration == response.winner else "white" for point in shown]
            axes.scatter(
                [point.radius for point in shown], [point.value for point in shown], marker=marker, s=34, zorder=3,
                c=fills, edgecolors=colour,
            )  # fmt: skip
            axes.plot([], [], marker, color=colour, label=label)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    ticks = [digit * power for power in (1, 10, 100) for digit in (1, 1.5, 2, 3, 4, 5, 6, 8)]
    inside = [tick for tick in ticks if response.radii[0] <= tick <= response.radii[-1]]
    axes.set_xticks(inside, [f"{tick:g}" for tick in inside])
    axes.set_xlabel(f"{response.parameter} (px)")
    axes.set_ylabel(OBJECTIVES.get(response.objective).description)
    axes.set_title(f"{response.method}: acceptable {response.parameter} (filled: the winner)", loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, fontsize=8)
    with replaced_file(path) as part:
        figure.savefig(part, dpi=130, format="png")
