"""The figure of a response: the objective over the radius, and which radii will do."""

from pathlib import Path

from bench.reporting.figures import COLOURS
from bench.space.objectives import objective
from bench.statistics.radius_range import Response
from bench.terminal.formatting import lengths_in_words

STAGES = {
    "search": ("o", "#2a6f97", "tried on fold 0"),
    "folds": ("s", "#e07a1f", "finalist on another fold"),
    "final": ("D", "#7b2d8b", "winner from a fresh seed, on the whole pool"),
}
"""Marker, colour and words for the trainings of each stage."""


def draw_response(response: Response, path: Path) -> None:
    """Draw the curve with its band, every training, and the radii that will do.

    Args:
        response: A response that has a curve.
        path: PNG to write.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for number, (low, high) in enumerate(response.will_do):
        stretches = " or ".join(lengths_in_words(*ends, None) for ends in response.will_do)
        label = f"will do: {stretches}" if number == 0 else None
        axes.axvspan(low, high, color="#b7d7a8", alpha=0.5, linewidth=0, label=label)
    axes.fill_between(response.radii, response.low, response.high, color=COLOURS["floor"], alpha=0.35, linewidth=0,
                      label="95 % interval of the curve")  # fmt: skip
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
    axes.set_ylabel(objective(response.objective).description)
    axes.set_title(f"{response.method}: which {response.parameter} will do (filled: the winner)", loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, fontsize=8)
    part = path.with_suffix(".part")
    figure.savefig(part, dpi=130, format="png")
    part.replace(path)
