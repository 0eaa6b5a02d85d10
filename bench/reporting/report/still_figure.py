"""A chart as PNG and SVG, drawn by matplotlib without a display."""

import io
import math
from typing import TYPE_CHECKING, Any

from bench.reporting.report.chart import Axis, Band, Chart, Heat, Level, Line, Mark, Points, Span, log_ticks, shortened
from cellbench.errors import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v"}
DPI = 110
_PLAIN = {"text.parse_math": False, "svg.hashsalt": "cellbench"}
"""A `$` in the name of a class is a character. Identifiers in an SVG do not change between two runs."""


def still_figures(chart: Chart) -> dict[str, bytes]:
    """Return a chart as the bytes of a PNG and of an SVG, by the ending of the file.

    Args:
        chart: The chart.
    """
    import matplotlib as mpl

    found = {}
    with mpl.rc_context(_PLAIN):
        figure = _figure(chart)
        for ending in ("png", "svg"):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=ending, dpi=DPI, metadata={"Date": None} if ending == "svg" else None)
            found[ending] = buffer.getvalue()
    return found


def _figure(chart: Chart) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, max(2.6, chart.height / 95)), layout="constrained")
    axes = figure.subplots()
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    seen: set[str] = set()
    for mark in chart.marks:
        label = None if mark.label in seen else printable(mark.label)
        seen.add(mark.label)
        _draw(axes, mark, label)
    _set_axis(axes.xaxis, chart.x, vertical=False)
    _set_axis(axes.yaxis, chart.y, vertical=True)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False, fontsize=8)
    return figure


def _set_axis(axis: Any, wanted: Axis, vertical: bool) -> None:
    axes = axis.axes
    axis.set_label_text(printable(wanted.title))
    if wanted.scale == "log":
        (axes.set_yscale if vertical else axes.set_xscale)("log")
        from matplotlib.ticker import NullLocator

        if wanted.limits is not None:
            ticks = log_ticks(*wanted.limits)
            axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_minor_locator(NullLocator())
    set_limits = axes.set_ylim if vertical else axes.set_xlim
    if wanted.names:
        axis.set_ticks(range(len(wanted.names)), [printable(shortened(name, 32)) for name in wanted.names])
        axis.grid(False)
        if vertical:
            set_limits(len(wanted.names) - 0.5, -0.5)
        else:
            axis.set_tick_params(rotation=30)
            for label in axis.get_ticklabels():
                label.set_horizontalalignment("right")
    elif wanted.limits is not None:
        set_limits(*wanted.limits)


def _draw(axes: Any, mark: Mark, label: str | None) -> None:
    match mark:
        case Points():
            if mark.low:
                ends = [[x - low for x, low in zip(mark.x, mark.low, strict=True)],
                        [high - x for x, high in zip(mark.x, mark.high, strict=True)]]  # fmt: skip
                axes.errorbar(mark.x, mark.y, xerr=ends, fmt="none", ecolor=mark.colour, elinewidth=1.2, capsize=3)
            axes.scatter(
                mark.x,
                mark.y,
                s=(0.75 * mark.size) ** 2,
                marker=MARKERS[mark.symbol],
                facecolors="none" if mark.is_hollow else mark.colour,
                edgecolors=mark.colour,
                linewidths=1,
                label=label,
            )
        case Line():
            axes.plot(mark.x, mark.y, color=mark.colour, linewidth=1.6, label=label)
        case Band():
            axes.fill_between(mark.x, mark.low, mark.high, color=mark.colour, alpha=0.22, linewidth=0, label=label)
        case Level():
            axes.axvline(mark.at, color=mark.colour, linewidth=1.4, linestyle="--", label=label)
        case Span():
            axes.axvspan(mark.low, mark.high, color=mark.colour, alpha=0.25, linewidth=0, label=label)
        case Heat():
            _draw_heat(axes, mark)


def _draw_heat(axes: Any, mark: Heat) -> None:
    image = axes.imshow(mark.values, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.figure.colorbar(image, ax=axes, label=printable(mark.label), fraction=0.04)
    axes.grid(False)
    for y, row in enumerate(mark.values):
        for x, value in enumerate(row):
            if not math.isnan(value):
                axes.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=7,
                          color="white" if value > 0.55 else "black")  # fmt: skip
