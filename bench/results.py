"""Lists searches, and the trials of one search, as tidy tables.

    python -m bench.results                                  all searches, the newest first
    python -m bench.results SEARCH                           the trials of one search
    python -m bench.results SEARCH --csv trials.csv          its trials with every parameter and metric

The tables are read from the folders of the searches, not from MLflow.
"""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import note, say, user_errors
from cellbench.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.record.folder import SearchFolder
    from bench.record.request import Request
    from bench.record.trial import TrialRecord
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
            raise SettingError("--csv needs the name of a search; python -m bench.results lists all.")
        _list()
        return
    if csv is not None:
        from bench.record import load
        from cellbench.output_files import check_output, write_output

        check_output(csv, "--csv")
        frame = load(search)
        write_output(csv, frame.to_csv(index=False))
        say(f"{len(frame)} trials written to {csv}")
        return
    from bench.record.folder import SearchFolder
    from bench.record.request import Request

    folder = SearchFolder.open(search)
    Request.read(folder)  # a request that is damaged or was changed is named, although nothing of it is shown
    _show(folder.records())


def _list() -> None:
    from bench.home.paths import searches_dir
    from bench.record.folder import SearchFolder, search_names
    from bench.record.request import Request
    from bench.terminal.tables import EMPTY, print_table
    from cellbench.errors import DataError

    rows = []
    for name in search_names():
        folder = SearchFolder(searches_dir() / name)
        try:
            request = Request.read(folder)
        except DataError as error:
            note(str(error))
            rows.append([name, EMPTY, EMPTY, "damaged", EMPTY])
            continue
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(request.created))
        rows.append([name, request.dataset, started, _state(folder, request), ", ".join(request.methods)])
    if not rows:
        say("There is no search yet; start one, for example: python -m bench.search --method mask_fixed")
    else:
        print_table(["search", "data set", "started", "state", "methods"], rows)


def _state(folder: "SearchFolder", request: "Request") -> str:
    from bench.record.reproduction import Reproduction
    from bench.record.summary import Summary
    from cellbench.errors import DataError

    if folder.is_locked:
        return "running"
    try:
        reproduction = Reproduction.read(folder) if request.protocol else None
        if reproduction is not None:
            return f"reproduced: {reproduction.methods[0].name} has the highest F1"
        summary = Summary.read(folder)
        # The summary says all about a search that has ended; the trials of such searches are not read.
        outcomes = {record.outcome for record in folder.records()} if summary is None else set()
    except DataError as error:
        note(str(error))
        return "damaged"
    if summary is None:
        return "failed: every trial failed" if outcomes == {"failed"} else "stopped: continue with --resume"
    if not summary.beats_floors:
        return f"no winner: {summary.best_floor.name} ahead"
    margin = summary.best.f1_macro - summary.best_floor.f1_macro
    return f"{summary.winner} ahead by {margin:.3f}{'' if summary.is_clear else ', unclear'}"


def _show(records: "Sequence[TrialRecord]") -> None:
    from bench.terminal.formatting import value_in_words
    from bench.terminal.tables import EMPTY, print_table

    names = dict.fromkeys(name for record in records for name in record.params)
    varied = [name for name in names if len({str(record.params.get(name)) for record in records}) > 1]
    metrics = _listed_metrics(records)
    several = len({record.method for record in records}) > 1
    rows = []
    for record in records:
        known = record.metrics if record.outcome == "completed" else {}
        values = [known.get(metric.name, math.nan) for metric in metrics]
        own = [f"{name} {value_in_words(record.params[name])}" for name in varied if name in record.params]
        rows.append(
            [
                record.stage,
                "all" if record.fold is None else str(record.fold),
                str(record.seed),
                record.outcome,
                *(EMPTY if math.isnan(value) else f"{value:.3f}" for value in values),
                ", ".join([*([record.method] if several else []), *own]),
            ]
        )
    columns = [metric.column for metric in metrics]
    print_table(["stage", "fold", "seed", "outcome", *columns, "parameters that differ"], rows)


def _listed_metrics(records: "Sequence[TrialRecord]") -> "list[Metric]":
    """Return the metrics of a search that the table of metrics lists, those that decide between methods first."""
    from cellbench.scores.metrics import all_metrics

    known = {name for record in records for name in record.metrics}
    listed = [metric for metric in all_metrics() if metric.listed and metric.name in known]
    return sorted(listed, key=lambda metric: metric.mean_over != "seeds")


if __name__ == "__main__":
    app()
