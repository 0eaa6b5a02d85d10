"""Shows the progress of searches, from any machine that shares their folder.

python -m bench.status                  all running searches
python -m bench.status SEARCH           one search, running or not
"""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import note, say, user_errors
from bench.terminal.formatting import duration
from cellbench.errors import CellbenchError

if TYPE_CHECKING:
    from bench.record.folder import SearchFolder
    from bench.record.request import Request
    from bench.record.trial import TrialRecord

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
@user_errors
def status(
    search: Annotated[str | None, typer.Argument(help="Name of the search. Default: all running searches.")] = None,
) -> None:
    """Show the progress of a search: its stages, its running trials with their last epoch, and its best trial."""
    from bench.home.paths import searches_dir
    from bench.record.folder import SearchFolder, search_names, starting_names
    from bench.record.request import Request

    starting = [name for name in starting_names() if search in (None, name)]
    for name in starting:
        say("  starting Ray; nothing is trained yet", title=name)
    if search is not None:
        names = [] if starting else [search]
    else:
        names = [name for name in search_names() if SearchFolder(searches_dir() / name).is_locked]
    if not names and not starting:
        say("No search is running; python -m bench.results lists all.")
    for name in names:
        try:
            folder = SearchFolder.open(name)
            _show(folder, Request.read(folder))
        except CellbenchError as error:
            if search is not None:
                raise
            note(str(error))  # the other searches are shown


def _show(folder: "SearchFolder", request: "Request") -> None:
    from bench.reporting.progress import STAGES
    from bench.space.formatting import params_in_words
    from bench.terminal.tables import print_table

    lengths = {space.method: space.lengths for space in request.spaces}

    records = folder.records()
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(request.created))
    what = f"{', '.join(request.methods)} on {request.dataset}"
    say(f"  {what}, started {began}: {_state(folder, request)}", title=folder.name, wrapped=True)
    for stage, n_wanted in _wanted(request).items():
        own = [record for record in records if record.stage == stage]
        if own:
            ended = [record for record in own if record.outcome != "running"]
            parts = [_counted(own, kind) for kind in ("completed", "pruned", "failed")]
            if begun := _counted(own, "running"):
                parts.append(begun if folder.is_locked else begun.replace("running", "to resume"))
            of = f" of {n_wanted}" if len(ended) < n_wanted and not folder.has_ended else ""
            say(f"  {STAGES[stage]}: {len(ended)}{of} done ({', '.join(part for part in parts if part)})", wrapped=True)
    best = _best(records, request)
    if best is not None:
        value = best.metrics[request.primary_objective.final]
        what = params_in_words(best.method, best.params, request.um_per_px, lengths.get(best.method))
        say(f"  best {request.primary_objective.description} so far {value:.3f}: {best.method} {what}", wrapped=True)
    if not folder.is_locked:
        return
    rows = []
    for record in records:
        if record.outcome == "running":
            history = folder.trial(record.key).history()
            since = f"{duration(time.time() - history[-1]['time'])} ago" if history else "none yet"
            epoch = history[-1]["epoch"] if history else 0
            words = params_in_words(record.method, record.params, request.um_per_px, lengths.get(record.method))
            rows.append([record.key, f"{epoch}/{record.epochs}", since, f"{record.method} {words}"])
    if rows:
        print_table(["trial", "epoch", "last epoch ended", "configuration"], rows)


def _counted(records: "list[TrialRecord]", outcome: str) -> str:
    """Return the number of trials of an outcome as text, which is empty for no trials."""
    n = sum(record.outcome == outcome for record in records)
    return f"{n} {outcome}" if n else ""


def _state(folder: "SearchFolder", request: "Request") -> str:
    if folder.is_locked:
        return f"running, {folder.holder}"
    return "ended" if folder.has_ended else f"stopped; continue with python -m {request.program} --resume {folder.name}"


def _wanted(request: "Request") -> dict[str, int]:
    """Return the largest number of trainings of each stage."""
    return {
        "search": sum(request.n_tried(space) for space in request.spaces),
        "folds": request.most_finalists * len(request.further_folds),
        "protocol": len(request.protocol) * request.n_folds * request.n_seeds,
        "final": request.most_winners * request.n_seeds,
        "oracle": int(request.oracle),
    }


def _best(records: "list[TrialRecord]", request: "Request") -> "TrialRecord | None":
    objective = request.primary_objective
    scored = [
        record
        for record in records
        if record.stage == "search" and record.outcome == "completed" and objective.final in record.metrics
    ]
    return max(scored, key=lambda record: objective.sign * record.metrics[objective.final], default=None)


if __name__ == "__main__":
    app()
