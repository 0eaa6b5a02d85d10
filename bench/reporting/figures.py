"""The figure of a search, drawn without a display."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.record.folder import TrialRecord
from bench.space.space import COMMON, length_names

if TYPE_CHECKING:
    from bench.record.summary import Summary

COLOURS = {"method": "#2a6f97", "floor": "#9aa5b1", "ceiling": "#c9a227"}


def draw_search(summary: "Summary", tried: Sequence[TrialRecord], path: Path) -> None:
    """Draw macro F1 of methods, floors and ceiling, and what the trials say of the radius or the first parameter.

    Args:
        summary: How the search ended.
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
    bars.axvline(summary.best_floor.f1_macro, color=COLOURS["floor"], linestyle="--", linewidth=1)
    bars.set_xlim(0, 1)
    bars.set_xlabel("macro F1 (labelled patches; bars: standard deviation over seeds, of PCA over folds)")
    ahead = summary.winner if summary.is_clear else f"{summary.winner}, not clearly ahead"
    bars.set_title(f"{summary.dataset}: {ahead if summary.beats_floors else 'no winner'}", loc="left")
    _draw_trials(points, summary, tried)
    part = path.with_suffix(".part")
    figure.savefig(part, dpi=130, format="png")
    part.replace(path)


def _draw_trials(axes: Any, summary: "Summary", tried: Sequence[TrialRecord]) -> None:
    """Scatter the trials of the winning method over their most important number that varies, its own first."""
    own = [record for record in tried if record.method == summary.winner]
    numbers = [n for n in summary.best.params if all(type(r.params.get(n)) in (int, float) for r in own)]
    ranked = sorted(numbers, key=lambda name: -summary.importances[summary.winner]["values"].get(name, 0.0))
    varied = [n for n in ranked if len({r.params[n] for r in own}) > 1]
    own_numbers = [name for name in varied if name not in COMMON]
    name = (own_numbers or varied or ranked)[0]
    for outcome, marker in (("completed", "o"), ("pruned", "v")):
        shown = [record for record in own if record.outcome == outcome]
        key = "probe/f1_macro" if outcome == "completed" else "rung/f1_macro"
        pairs = [(record.params[name], record.metrics[key]) for record in shown if record.metrics.get(key)]
        if pairs:
            x, y = zip(*pairs, strict=True)
            fill = COLOURS["method"] if outcome == "completed" else "none"
            label = "completed" if outcome == "completed" else "stopped at a rung"
            axes.scatter(x, y, marker=marker, s=28, facecolors=fill, edgecolors=COLOURS["method"], label=label)
    if axes.collections:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1, frameon=False, fontsize=8)
    axes.set_xlabel(f"{name} (px)" if name in length_names(summary.winner) else name)
    axes.set_ylabel("macro F1 of a trial")
    axes.set_title(f"trials of {summary.winner}", loc="left")
