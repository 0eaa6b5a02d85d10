"""Prints the outcome of a search."""

from typing import TYPE_CHECKING

from bench.reporting.longer_profile import longer_profile
from bench.space.formatting import params_in_words
from bench.terminal.console import console, say
from bench.terminal.formatting import counted, duration, share_in_words, with_spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bench.record.request import Request
    from bench.record.summary import Row, Summary
    from bench.space.objectives import Objective
    from cellbench.scores.base import Metric


def announce_search(request: "Request", name: str) -> None:
    """Print what a search is going to do.

    Args:
        request: The search.
        name: Name of its folder.
    """
    settings = request.settings
    say(
        f"  {', '.join(request.methods)} on {request.dataset}: {settings.encoder} at {settings.network_size} px, "
        f"{counted(settings.epochs, 'epoch')}",
        title=name,
    )
    if request.is_screened:
        say(
            f"Configurations are tried at {request.size_at('search')} px on {request.pool_share_at('search'):.0%} of "
            "the patches. Finalists are trained in full."
        )
    for method, names in request.warm_start.items():
        say(f"{method} starts with: {', '.join(names) or 'its own first points'}")


def print_verdict(request: "Request", summary: "Summary") -> None:
    """Print the winner, the table of methods, the importances, the holdout score and the next commands.

    Args:
        request: The search.
        summary: Its summary.
    """
    best = summary.best
    say()
    colour = "green" if summary.is_clear else "yellow"
    say(summary.verdict(), f"bold {colour}")
    for sentence in filter(None, (summary.advice(), summary.way())):
        say(sentence)
    say(f"{best.name}: {params_in_words(best.name, best.params, request.um_per_px)}")
    seeds = counted(best.n_seeds, "fresh seed")
    score = with_spread(best.f1_macro, best.f1_std)
    say(f"Macro F1 {score} over {seeds}, cross-validated with the probe {request.settings.probe}.")
    if summary.response is not None:
        say(summary.response.sentence(request.um_per_px))
    say()
    console().print(table(summary, score_columns(request.objectives)))
    if any(row.few_labels for row in summary.rows):
        say()
        console().print(few_labels_table(summary))
    if summary.front:
        _print_front(request, summary)
    if len(request.spaces) > 1:
        for row in summary.rows:
            if row.kind == "method" and row.name != best.name:
                say(f"Best of {row.name}: {params_in_words(row.name, row.params, request.um_per_px)}")
    known = {method: found for method, found in summary.importances.items() if found["values"]}
    if not known:
        say("Importance: too few completed trials.")
    for method, found in known.items():
        shares = ", ".join(f"{name} {value:.2f}" for name, value in found["values"].items())
        whose = "" if len(summary.importances) == 1 else f" of {method}"
        say(f"Importance{whose}: {shares} ({found['how']}).")
    if summary.n_spared:
        say(f"Racing left out {counted(summary.n_spared, 'training')} on folds of finalists that were clearly worse.")
    say(holdout_sentence(summary))
    for note in summary.notes:
        say(note)
    if (longer := longer_profile(request)) is not None:
        say(longer)
    say()
    say("Next:")
    say("  python -m bench.ui                       every trial in MLflow")
    floor = "" if summary.beats_floors else f" --representation {summary.best_floor.name}"
    say(f"  python -m bench.classify --search {summary.search}{floor}")


def holdout_sentence(summary: "Summary") -> str:
    """Return the winner's score on the holdout with its interval, or why there is none."""
    best = summary.best
    if best.holdout is None:
        return "The data set has no holdout."
    # The interval of an older version is too narrow to be called one of 95 %.
    interval = best.holdout_interval or "no interval: an older version scored it"
    return (
        f"Holdout: macro F1 {best.holdout:.3f} ({interval}, {summary.n_holdout} patches). "
        f"This was look number {summary.look} at this holdout."
    )


def _print_front(request: "Request", summary: "Summary") -> None:
    """Print the configurations on the Pareto front."""
    from rich.table import Table

    found = Table(box=None, pad_edge=False, title="Pareto front, on fold 0", title_justify="left")
    for objective in request.objectives:
        found.add_column(objective.name, justify="right", no_wrap=True)
    found.add_column("configuration")
    for member in summary.front:
        if member.on_front:
            mark = "  (winner)" if member.configuration == summary.best.configuration else ""
            what = params_in_words(member.method, member.params, request.um_per_px)
            values = [f"{member.values[objective.name]:.3f}" for objective in request.objectives]
            found.add_row(*values, f"{member.method} {what}{mark}")
    console().print(found)
    say()


def score_columns(objectives: "Sequence[Objective]") -> "list[Metric]":
    """Return the scores that the table of methods shows: those that the table of metrics lists.

    A metric that is not listed, but that an objective optimises, takes the column of another one.

    Args:
        objectives: Objectives of the search.
    """
    from cellbench.scores.metrics import all_metrics, find_metric

    optimised = [find_metric(objective.final) for objective in objectives]
    instead = {metric.takes_column_of: metric for metric in optimised}
    listed = [metric for metric in all_metrics() if metric.listed and metric.mean_over == "folds"]
    return [instead.get(metric.name, metric) for metric in listed]


def table(summary: "Summary", scores: "Sequence[Metric]") -> "Table":
    """Return methods, floors and ceiling as a table for the terminal.

    Args:
        summary: Summary of a search.
        scores: Metrics to show, one column each.
    """
    from rich.table import Table

    found = Table(box=None, pad_edge=False, caption_justify="left")
    for name in ("", "macro F1", "of the way", "holdout", *(metric.column for metric in scores), "cost"):
        found.add_column(name, justify="right" if name else "left", no_wrap=True)
    for row in summary.rows:
        found.add_row(*_cells(row, scores), style=None if row.kind == "method" else "dim")
    return found


def few_labels_table(summary: "Summary") -> "Table":
    """Return macro F1 by the number of labels a class, the mean over random draws of the labels, as a table."""
    from rich.table import Table

    numbers = sorted({n for row in summary.rows for n in row.few_labels})
    found = Table(box=None, pad_edge=False)
    for name in ("macro F1 with", *(f"{n} labels a class" for n in numbers), "all labels"):
        found.add_column(name, justify="left" if name == "macro F1 with" else "right", no_wrap=True)
    for row in summary.rows:
        if row.few_labels:
            few = (f"{row.few_labels[n]:.3f}" if n in row.few_labels else "–" for n in numbers)
            found.add_row(_name(row), *few, f"{row.f1_macro:.3f}", style=None if row.kind == "method" else "dim")
    return found


def _name(row: "Row") -> str:
    return row.name if row.kind == "method" else f"{row.kind} {row.name}"


def _cells(row: "Row", scores: "Sequence[Metric]") -> list[str]:
    return [
        _name(row),
        with_spread(row.f1_macro, row.f1_std),
        share_in_words(row.share),
        "–" if row.holdout is None else f"{row.holdout:.3f}",
        *(f"{row.scores[metric.name]:.3f}" if metric.name in row.scores else "–" for metric in scores),
        duration(row.seconds) if row.seconds else "–",
    ]
