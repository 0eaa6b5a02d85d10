"""Prints the outcome of a reproduction."""

from typing import TYPE_CHECKING

from bench.terminal.console import console, say
from bench.terminal.formatting import duration, share_in_words
from bench.terminal.tables import EMPTY

if TYPE_CHECKING:
    from rich.table import Table

    from bench.record.reproduction import ComparedWith, ReproducedRow, Reproduction
    from bench.record.request import Request

ORIGINS = {"paper": "", "normalized": "*", "estimate": "†", "added": "+"}
"""Mark of the origin of a configuration."""


def print_reproduction(request: "Request", outcome: "Reproduction") -> None:
    """Print which configuration is best, the table, and the next commands.

    Args:
        request: The reproduction.
        outcome: Its outcome.
    """
    say()
    say(outcome.verdict(), "bold")
    for sentence in outcome.notes:
        say(sentence)
    say()
    console().print(table(outcome))
    say("* normalized, † estimated radius, + added. F1 of the folds with the best and the worst SSIM, as in the paper.")
    say(f"Macro F1 with the probe {request.settings.probe}, mean over folds and seeds, with its 95 % interval.")
    say()
    say("Next:")
    say("  python -m bench.ui                       every training in MLflow")
    say(f"  python -m bench.results {outcome.name}")


def table(outcome: "Reproduction") -> "Table":
    """Return configurations, floors and ceilings as a table for the terminal.

    Args:
        outcome: Outcome of a reproduction.
    """
    from rich.table import Table

    found = Table(box=None, pad_edge=False)
    references = list(dict.fromkeys(each.reference for row in outcome.methods for each in row.against))
    titles = ["", "macro F1", "95 %", "best", "worst", *(f"against {name}" for name in references), "way", "SSIM", "L1"]
    for title in (*titles, "leakage", "time"):
        found.add_column(title, justify="right" if title else "left", no_wrap=bool(title))
    for row in outcome.rows:
        known = {each.reference: each for each in row.against}
        found.add_row(
            _name(row),
            f"{row.f1_macro:.3f}",
            EMPTY if row.f1_low is None else f"{row.f1_low:.3f}–{row.f1_high:.3f}",
            *(EMPTY if value is None else f"{value:.3f}" for value in (row.f1_best, row.f1_worst)),
            *(_against(known.get(name)) for name in references),
            share_in_words(row.share),
            *(_score(row, name) for name in ("val/ssim_cell", "val/l1_cell", "latent/leakage")),
            duration(row.seconds) if row.seconds else EMPTY,
            style=None if row.kind == "method" else "dim",
        )
    return found


def _name(row: "ReproducedRow") -> str:
    if row.kind != "method":
        return f"{row.kind} {row.name}"
    return f"{row.name.removesuffix(' normalized')}{ORIGINS[row.origin]}"


def _against(found: "ComparedWith | None") -> str:
    return EMPTY if found is None else f"{found.difference:+.3f} {found.verdict}"


def _score(row: "ReproducedRow", name: str) -> str:
    return f"{row.scores[name]:.3f}" if name in row.scores else EMPTY
