"""The figure of a front: two objectives of all fully trained configurations."""

from collections.abc import Sequence
from pathlib import Path

from bench.reporting.figures import COLOURS
from bench.statistics.pareto_front import Member
from bench.space.objectives import objective


def draw_front(found: Sequence[Member], winner: str, path: Path) -> None:
    """Draw the first two objectives of every configuration, the front as a line, and the winner.

    Args:
        found: Configurations with their values.
        winner: Short hash of the winner.
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
        goal = objective(name)
        axis.set_label_text(f"{goal.description} ({'more' if goal.sign > 0 else 'less'} is better)")
    axes.set_title(f"{first} and {second} on fold 0", loc="left")
    axes.legend(frameon=False, fontsize=8)
    part = path.with_suffix(".part")
    figure.savefig(part, dpi=130, format="png")
    part.replace(path)
