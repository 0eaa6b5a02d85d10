"""A chart as a figure of plotly: plain data, which the script in the page draws."""

import html
import math
import textwrap
from typing import Any

from bench.reporting.report.chart import Axis, Band, Chart, Heat, Level, Line, Mark, Points, Span, log_ticks, shortened
from cellbench.errors import printable

N_TITLE = 34
"""Longest line of the title of an axis, in characters, so that it fits on the screen of a phone."""

LEGEND_LINE = 14
"""Height in px that each entry of the legend adds to a figure."""


def plotly_figure(chart: Chart) -> dict[str, Any]:
    """Return `data` and `layout` of a chart. Text, grid and background get their colours from the page's style.

    Args:
        chart: The chart.
    """
    traces: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    seen: set[str] = set()
    for mark in chart.marks:
        new_traces, new_shapes = _drawn(mark, chart)
        traces += new_traces
        shapes += new_shapes
    for trace in traces:  # one entry for each name, also where several marks share it
        name = trace.get("name")
        trace["showlegend"] = trace.get("showlegend", True) and bool(name) and name not in seen
        seen.add(name or "")
    layout = {
        # A narrow screen has the legend in one column above the figure, which must not take the figure's place.
        "height": chart.height + LEGEND_LINE * sum(trace["showlegend"] for trace in traces),
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13},
        "hoverlabel": {"bgcolor": "#1f2933", "bordercolor": "#1f2933", "font": {"color": "#ffffff", "size": 12}},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": _axis(chart.x) | ({"tickangle": -55, "ticklabeloverflow": "allow"} if chart.x.names else {}),
        "yaxis": _axis(chart.y),
        "shapes": shapes,
    }
    if chart.y.names and chart.y.limits is None:
        layout["yaxis"] |= {"range": [len(chart.y.names) - 0.5, -0.5], "autorange": False}
    return {"data": traces, "layout": layout}


def text(value: str) -> str:
    """Return a text for plotly, which would read tags in it, and a formula between two `$`."""
    return html.escape(printable(value), quote=False).replace("$", "&#36;")


def _axis(axis: Axis) -> dict[str, Any]:
    title = "<br>".join(text(line) for line in textwrap.wrap(axis.title, N_TITLE))
    found: dict[str, Any] = {"title": {"text": title, "font": {"size": 12}}, "automargin": True, "zeroline": False}
    if axis.names:
        found |= {
            "tickmode": "array",
            "tickvals": list(range(len(axis.names))),
            "ticktext": [text(shortened(name, 32)) for name in axis.names],
            "showgrid": False,
        }
    elif axis.scale == "log":
        found |= {"type": "log"}
        if axis.limits is not None:
            found |= {"tickmode": "array", "tickvals": log_ticks(*axis.limits)}
    if axis.limits is not None:
        ends = [math.log10(end) if axis.scale == "log" else end for end in axis.limits]
        found |= {"range": ends}
    return found


def _drawn(mark: Mark, chart: Chart) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the traces and the shapes of a mark."""
    match mark:
        case Points():
            return [_points(mark)], []
        case Line():
            line = {"color": mark.colour, "width": 2}
            return [_curve(mark.label, mark.x, mark.y) | {"line": line}], []
        case Band():
            edge = {"width": 0, "color": mark.colour}
            lower = _curve("", mark.x, mark.low) | {"line": edge, "hoverinfo": "skip", "showlegend": False}
            upper = _curve(mark.label, mark.x, mark.high) | {
                "line": edge,
                "fill": "tonexty",
                "fillcolor": _faint(mark.colour, 0.22),
                "hoverinfo": "skip",
            }
            return [lower, upper], []
        case Level():
            line = {"color": mark.colour, "width": 2, "dash": "dash"}
            shape = {"type": "line", "x0": mark.at, "x1": mark.at, "yref": "paper", "y0": 0, "y1": 1, "line": line}
            return [_legend_only(mark.label) | {"mode": "lines", "line": line}], [shape | {"layer": "below"}]
        case Span():
            shape = {"type": "rect", "x0": mark.low, "x1": mark.high, "yref": "paper", "y0": 0, "y1": 1}
            style = {"fillcolor": _faint(mark.colour, 0.25), "line": {"width": 0}, "layer": "below"}
            marker = {"color": _faint(mark.colour, 0.4), "size": 14, "symbol": "square"}
            return [_legend_only(mark.label) | {"mode": "markers", "marker": marker}], [shape | style]
        case Heat():
            return [_heat(mark, chart)], []


def _points(mark: Points) -> dict[str, Any]:
    marker: dict[str, Any] = {"color": mark.colour, "size": mark.size, "symbol": mark.symbol}
    if mark.is_hollow:
        marker |= {"symbol": f"{mark.symbol}-open", "line": {"width": 1.5, "color": mark.colour}}
    trace = {
        "type": "scatter",
        "mode": "markers",
        "name": text(mark.label),
        "x": list(mark.x),
        "y": list(mark.y),
        "text": [text(each) for each in mark.texts],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": marker,
    }
    if mark.tiles:
        trace["customdata"] = list(mark.tiles)
    if mark.low:
        above = [high - x for x, high in zip(mark.x, mark.high, strict=True)]
        below = [x - low for x, low in zip(mark.x, mark.low, strict=True)]
        ends: dict[str, Any] = {"type": "data", "array": above, "arrayminus": below}
        trace["error_x"] = ends | {"thickness": 1.5, "width": 4, "color": mark.colour}
    return trace


def _curve(label: str, x: tuple[float, ...], y: tuple[float, ...]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "name": text(label), "x": list(x), "y": list(y)}


def _legend_only(label: str) -> dict[str, Any]:
    return {"type": "scatter", "name": text(label), "x": [None], "y": [None], "hoverinfo": "skip"}


def _heat(mark: Heat, chart: Chart) -> dict[str, Any]:
    values = [[None if math.isnan(value) else value for value in row] for row in mark.values]
    hover = [
        [
            text(f"{y} · {x}: {'no value' if value is None else f'{value:.3f}'}")
            for x, value in zip(chart.x.names, row, strict=True)
        ]
        for y, row in zip(chart.y.names, values, strict=True)
    ]
    return {
        "type": "heatmap",
        "name": text(mark.label),
        "showlegend": False,
        "z": values,
        "x": list(range(len(chart.x.names))),
        "y": list(range(len(chart.y.names))),
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "#eef4f9"], [1, "#14527d"]],
        "texttemplate": "%{z:.2f}",
        "text": hover,
        "hovertemplate": "%{text}<extra></extra>",
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"thickness": 10, "outlinewidth": 0},
    }


def _faint(colour: str, share: float) -> str:
    """Return a colour that lets the background through.

    >>> _faint("#ff8000", 0.5)
    'rgba(255,128,0,0.5)'
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"
