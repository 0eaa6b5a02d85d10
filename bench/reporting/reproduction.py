"""Prints the outcome of a reproduction."""

from typing import TYPE_CHECKING

from bench.terminal.console import console, say
from bench.terminal.formatting import counted, duration, share_in_words
from bench.terminal.tables import EMPTY

if TYPE_CHECKING:
    from rich.table import Table

    from bench.record.reproduction import ComparedWith, ReproducedRow, Reproduction
    from bench.record.request import Request

ORIGINS = {"paper": "", "normalized": "*", "estimate": "†", "added": "+"}
"""Mark of the origin of a configuration."""
MARKS = {"better": "▲", "worse": "▼", "practically equal": "≈", "undecided": "?", "not tested": " "}
"""Mark of the verdict of a comparison."""


def announce_reproduction(request: "Request", name: str) -> None:
    """Print what a reproduction is going to do.

    Args:
        request: The reproduction.
        name: Name of its folder.
    """
    settings = request.settings
    n_seeds = "" if request.n_seeds == 1 else f" × {request.n_seeds} seeds"
    say(
        f"  {counted(len(request.protocol), 'configuration')} × {request.n_folds} folds{n_seeds} on {request.dataset}: "
        f"{settings.encoder} at {settings.network_size} px, {counted(settings.epochs, 'epoch')}",
        title=name,
    )


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
    console().print(f1_table(outcome))
    say("▲ better, ▼ worse, ≈ within ± 0.01, ? undecided, after Holm's correction. * normalized, † estimated radius,")
    say("+ added. The interval is that of the mean over folds and seeds, for folds that share training data.")
    say()
    console().print(score_table(outcome))
    say("best, worst: macro F1 of the folds with the best and the worst SSIM, as in the paper.")
    say(f"All macro F1 with the probe {request.settings.probe}.")
    say()
    say("Next:")
    say("  python -m bench.ui                       every training in MLflow")
    say(f"  python -m bench.report {outcome.name}")


def f1_table(outcome: "Reproduction") -> "Table":
    """Return macro F1 of configurations, floors and ceilings, with comparisons, as a table for the terminal.

    Args:
        outcome: Outcome of a reproduction.
    """
    references = list(dict.fromkeys(each.reference for row in outcome.methods for each in row.against))
    found = _table("", "macro F1", "95 % interval", *(f"− {name}" for name in references), "of the way")
    for row in outcome.rows:
        known = {each.reference: each for each in row.against}
        found.add_row(
            _name(row),
            f"{row.f1_macro:.3f}",
            EMPTY if row.f1_low is None else f"{row.f1_low:.3f} to {row.f1_high:.3f}",
            *(_against(known.get(name)) for name in references),
            share_in_words(row.share),
            style=None if row.kind == "method" else "dim",
        )
    return found


def score_table(outcome: "Reproduction") -> "Table":
    """Return the other scores of configurations, floors and ceilings as a table for the terminal.

    Args:
        outcome: Outcome of a reproduction.
    """
    scores = {"val/ssim_cell": "SSIM", "val/l1_cell": "L1", "latent/leakage": "leakage"}
    numbers = sorted({n for row in outcome.rows for n in row.few_labels})
    found = _table("", "best", "worst", *(f"{n} labels" for n in numbers), *scores.values(), "time")
    for row in outcome.rows:
        few = [row.few_labels.get(n) for n in numbers]
        found.add_row(
            _name(row),
            *(EMPTY if value is None else f"{value:.3f}" for value in (row.f1_best, row.f1_worst, *few)),
            *(f"{row.scores[name]:.3f}" if name in row.scores else EMPTY for name in scores),
            duration(row.seconds) if row.seconds else EMPTY,
            style=None if row.kind == "method" else "dim",
        )
    return found


def _table(*titles: str) -> "Table":
    from rich.table import Table

    found = Table(box=None, pad_edge=False)
    for title in titles:
        found.add_column(title, justify="right" if title else "left", no_wrap=bool(title), overflow="fold")
    return found


def _name(row: "ReproducedRow") -> str:
    if row.kind != "method":
        return f"{row.kind} {row.name}"
    return f"{row.name.removesuffix(' normalized')}{ORIGINS[row.origin]}"


def _against(found: "ComparedWith | None") -> str:
    return EMPTY if found is None else f"{found.difference:+.3f} {MARKS[found.verdict]}"
