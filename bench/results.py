"""Lists searches, and the trials of one search, as tidy tables.

    python -m bench.results                                  all searches, the newest first
    python -m bench.results SEARCH                           the trials of one search
    python -m bench.results SEARCH --csv trials.csv          its trials with every parameter and metric

The tables are read from the folders of the searches, not from MLflow.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import console, note, say, user_errors
from bench.terminal.outputs import check_output
from cellbench.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

    from bench.record.folder import SearchFolder
    from cellbench.scores.base import Metric

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
@user_errors
def results(
    search: Annotated[str | None, typer.Argument(help="Name of the search. Default: all are listed.")] = None,
    csv: Annotated[Path | None, typer.Option(help="File for every parameter and metric.")] = None,
) -> None:
    """List all searches, or the trials of one."""
    if search is None:
        if csv is not None:
            raise SettingError("--csv needs the name of a search: python -m bench.results SEARCH --csv FILE.")
        _list()
        return
    from bench.reporting.search_frame import search_frame

    check_output("--csv", csv)
    frame = search_frame(search)
    if csv is not None:
        from cellbench.disk import write_text

        write_text(csv, frame.to_csv(index=False))
        from rich.markup import escape

        say(f"{len(frame)} trials written to {escape(str(csv))}")
        return
    _show(frame)


def _list() -> None:
    from rich.table import Table

    from bench.record.folder import SearchFolder, search_names
    from bench.record.request import Request
    from cellbench.errors import DataError

    table = Table(box=None, pad_edge=False)
    for name in ("search", "data set", "methods", "state", "started"):
        table.add_column(name, overflow="fold")
    for name in search_names():
        folder = SearchFolder.open(name)
        try:
            request = Request.read(folder)
        except DataError as error:
            note(str(error))
            continue
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(request.created))
        table.add_row(name, request.dataset, ", ".join(request.methods), _state(folder), started)
    if table.row_count == 0:
        say("There is no search yet; start one, for example: python -m bench.search --method mask_fixed")
    else:
        console().print(table)


def _state(folder: "SearchFolder") -> str:
    from bench.record.summary import Summary
    from cellbench.errors import DataError

    if folder.is_locked:
        return "running"
    try:
        summary = Summary.read(folder)
        outcomes = {record.outcome for record in folder.records()}
    except DataError as error:
        note(str(error))
        return "damaged"
    if summary is None:
        return "failed: every trial failed" if outcomes == {"failed"} else "stopped: continue with --resume"
    if not summary.beats_floors:
        return f"no winner: {summary.best_floor.name} ahead"
    margin = summary.best.f1_macro - summary.best_floor.f1_macro
    return f"{summary.winner} ahead by {margin:.3f}{'' if summary.is_clear else ', unclear'}"


def _show(frame: "pd.DataFrame") -> None:
    import pandas as pd
    from rich.table import Table

    from bench.terminal.formatting import value_in_words

    varied = [c for c in frame.columns if c.startswith("params/") and frame[c].astype(str).nunique() > 1]
    metrics = _listed_metrics(frame)
    first = ["stage", "fold", "seed", "outcome"]
    several = frame["method"].nunique() > 1
    table = Table(box=None, pad_edge=False)
    for name in (*first, *(metric.column for metric in metrics)):
        table.add_column(name, no_wrap=True)
    table.add_column("parameters that differ")
    for row in frame.to_dict("records"):
        values = ["all" if pd.isna(row[name]) else str(row[name]) for name in first]
        done = row["outcome"] == "completed"
        values += [f"{row[m.name]:.3f}" if done and not pd.isna(row[m.name]) else "–" for m in metrics]
        own = [f"{c.removeprefix('params/')} {value_in_words(row[c])}" for c in varied if not pd.isna(row[c])]
        table.add_row(*values, ", ".join([*([row["method"]] if several else []), *own]))
    console().print(table)


def _listed_metrics(frame: "pd.DataFrame") -> "list[Metric]":
    """Return the metrics of a search that the table of metrics lists, those that decide between methods first."""
    from cellbench.scores.metrics import all_metrics

    listed = [metric for metric in all_metrics() if metric.listed and metric.name in frame.columns]
    return sorted(listed, key=lambda metric: metric.mean_over != "seeds")


if __name__ == "__main__":
    app()
