"""What a search prints at its end."""

from typing import TYPE_CHECKING

from bench.space.formatting import params_in_words
from bench.terminal.console import console, say
from bench.terminal.formatting import counted, duration, with_spread

if TYPE_CHECKING:
    from rich.table import Table

    from bench.record.request import Request
    from bench.record.summary import Row, Summary

SCORES = {"val/ssim_cell": "SSIM", "val/l1_core": "L1", "latent/leakage": "leakage"}
"""Shown of each method: SSIM in the cell, L1 in the centre disc."""
LABEL_FREE = {"val/ssim_cell": "SSIM", "latent/cell_content": "content", "latent/leakage": "leakage"}
"""Shown where the cell content of the latent was what decided."""


def print_verdict(request: "Request", summary: "Summary") -> None:
    """Print the winner, the table, what mattered, the holdout, and what to type next.

    Args:
        request: What was asked for.
        summary: How the search ended.
    """
    best = summary.best
    say()
    colour = "green" if summary.is_clear else "yellow"
    say(f"[bold {colour}]{summary.verdict()}[/]")
    say(f"{best.name}: {params_in_words(best.name, best.params, request.um_per_px)}")
    seeds = counted(best.n_seeds, "fresh seed")
    say(f"Macro F1 {with_spread(best.f1_macro, best.f1_std)} over {seeds}, cross-validated.")
    if summary.response is not None:
        say(summary.response.sentence(request.um_per_px))
    say()
    console().print(table(summary, LABEL_FREE if "label_free" in request.objective else SCORES))
    if summary.front:
        _print_front(request, summary)
    if len(request.spaces) > 1:
        for row in summary.rows:
            if row.kind == "method" and row.name != best.name:
                say(f"Best of {row.name}: {params_in_words(row.name, row.params, request.um_per_px)}")
    known = {method: found for method, found in summary.importances.items() if found["values"]}
    if not known:
        say("What mattered: too few completed trials to say.")
    for method, found in known.items():
        shares = ", ".join(f"{name} {value:.2f}" for name, value in found["values"].items())
        whose = "" if len(summary.importances) == 1 else f" of {method}"
        say(f"What mattered{whose}: {shares} ({found['how']}).")
    if summary.n_spared:
        say(f"Racing spared {counted(summary.n_spared, 'training')} on folds: their finalists were clearly behind.")
    if best.holdout is None:
        say("There is no holdout to look at.")
    else:
        say(
            f"Holdout: macro F1 {best.holdout:.3f} (95 % interval {best.holdout_low:.3f} to {best.holdout_high:.3f}, "
            f"{summary.n_holdout} patches). This was look number {summary.look} at this holdout."
        )
    for note in summary.notes:
        say(note)
    say()
    say("Next:")
    say("  python -m bench.ui                       every trial in MLflow")
    say(f"  python -m bench.classify --search {summary.search}")


def _print_front(request: "Request", summary: "Summary") -> None:
    """Print the front's members: what no other configuration beats in all objectives."""
    from rich.table import Table

    found = Table(box=None, pad_edge=False, title="Front, on fold 0", title_justify="left")
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


def table(summary: "Summary", scores: "dict[str, str]") -> "Table":
    """Return methods, floors and ceiling as a table for the terminal.

    Args:
        summary: How the search ended.
        scores: Title of the column of each score that is shown.
    """
    from rich.table import Table

    found = Table(box=None, pad_edge=False, caption_justify="left")
    for name in ("", "macro F1", "holdout", *scores.values(), "cost"):
        found.add_column(name, justify="right" if name else "left", no_wrap=True)
    for row in summary.rows:
        found.add_row(*_cells(row, scores), style=None if row.kind == "method" else "dim")
    return found


def _cells(row: "Row", scores: "dict[str, str]") -> list[str]:
    return [
        row.name if row.kind == "method" else f"{row.kind} {row.name}",
        with_spread(row.f1_macro, row.f1_std),
        "–" if row.holdout is None else f"{row.holdout:.3f}",
        *(f"{row.scores[name]:.3f}" if name in row.scores else "–" for name in scores),
        duration(row.seconds) if row.seconds else "–",
    ]
