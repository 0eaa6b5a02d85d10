"""Replay samplers on stored grids and show the regret of a search after each training.

    D=docs/radius; python -m bench.study.radius.samplers $D/grid-marrow-mini.csv $D/grid-pbc.csv --figure $D/regret.png

The score of a training at any radius is interpolated on the grid: linearly between radii on a log scale, on the curve
of a seed that is drawn for each training. Regret is the grid's best mean F1 minus the mean F1 at the radius with the
best score so far.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bench.study.radius.grid_curve import GridCurve
from bench.terminal.console import console, say, user_errors
from cellbench.output_files import check_output, output_file

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PAPER_RADII = (50.0, 90.0, 126.0)
"""The paper's radii, px of a 256 px patch. A search tries them first."""
N_STARTUP = 4
"""Random trials before a sampler uses its model."""
SHOWN = (1, 2, 3, 4, 6, 8, 12, 16)
"""Numbers of trainings after which the regret is shown."""


def replay(curve: GridCurve, sampler: str, first: Sequence[float], n_trials: int, seed: int) -> np.ndarray:
    """Return the regret after each trial, shape (n_trials,).

    Args:
        curve: Curve of the grid that is searched.
        sampler: Name of the sampler: `random`, `tpe` or `gp`.
        first: Radii to try first, px of a 256 px patch.
        n_trials: Number of trainings.
        seed: Seed of the sampler and of the choice of curves.
    """
    import optuna

    from bench.space.samplers import build_sampler

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng = np.random.default_rng([seed, 1])
    study = optuna.create_study(direction="maximize", sampler=build_sampler(sampler, seed, N_STARTUP))
    low, high = curve.radii[0], curve.radii[-1]
    for radius in first:
        study.enqueue_trial({"r_max": float(np.clip(radius, low, high))})
    regrets, best_seen, best_radius = [], -np.inf, low
    for _ in range(n_trials):
        trial = study.ask()
        radius = trial.suggest_float("r_max", low, high, log=True)
        score = curve.at(radius, int(rng.integers(len(curve.f1))))
        study.tell(trial, score)
        if score > best_seen:
            best_seen, best_radius = score, radius
        regrets.append(curve.best - curve.at(best_radius))
    return np.array(regrets)


def compare(
    curve: GridCurve, variants: Mapping[str, tuple[str, Sequence[float]]], n_trials: int, repeats: int
) -> dict[str, np.ndarray]:
    """Return the regret of each variant after each trial, shape (repeats, n_trials).

    Args:
        curve: Curve of the grid that is searched.
        variants: Name of each variant, with its sampler and the radii that it tries first.
        n_trials: Number of trainings of a search.
        repeats: Number of searches of each variant, seeded from 0.
    """
    return {
        name: np.stack([replay(curve, sampler, first, n_trials, seed) for seed in range(repeats)])
        for name, (sampler, first) in variants.items()
    }


@app.command()
@user_errors
def samplers(
    tables: Annotated[list[Path], typer.Argument(help="Tables of bench.study.radius.grid.", exists=True)],
    guesses: Annotated[
        str | None,
        typer.Option(help="A first radius for each table, px of a 256 px patch, for example 98,66."),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Number of trainings of a search.")] = 16,
    repeats: Annotated[int, typer.Option(min=2, help="Number of searches of each variant.")] = 40,
    figure: Annotated[Path | None, typer.Option(help="PNG file to write.")] = None,
) -> None:
    """Show the mean regret of samplers after each number of trainings."""
    import pandas as pd
    from rich.table import Table

    check_output(figure, "--figure")
    guessed = [float(text) for text in guesses.split(",")] if guesses else [None] * len(tables)
    found: dict[str, dict[str, np.ndarray]] = {}
    for path, guess in zip(tables, guessed, strict=True):
        curve = GridCurve.of(pd.read_csv(path))
        variants: dict[str, tuple[str, Sequence[float]]] = {
            "random": ("random", ()),
            "tpe": ("tpe", ()),
            "gp": ("gp", ()),
            "tpe, paper's radii first": ("tpe", PAPER_RADII),
            "gp, paper's radii first": ("gp", PAPER_RADII),
        }
        if guess is not None:
            variants["tpe, estimate first"] = ("tpe", (guess, *PAPER_RADII))
            variants["gp, estimate first"] = ("gp", (guess, *PAPER_RADII))
        found[path.stem.removeprefix("grid-")] = compare(curve, variants, trials, repeats)
    for name, regrets in found.items():
        summary = Table(box=None, pad_edge=False, title=f"{name}: mean regret (macro F1) by number of trainings")
        steps = [n for n in SHOWN if n <= trials]
        for column in ("", *map(str, steps)):
            summary.add_column(column, justify="right" if column else "left")
        for variant, values in regrets.items():
            summary.add_row(variant, *(f"{values[:, n - 1].mean():.3f}" for n in steps))
        console().print(summary)
    say(f"{repeats} searches of each variant.")
    if figure is not None:
        _draw(found, figure)


def _draw(found: Mapping[str, Mapping[str, np.ndarray]], path: Path) -> None:
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(5 * len(found), 4), layout="constrained")
    panels: Any = canvas.subplots(1, len(found), squeeze=False)[
        0
    ]  # own scales: the regrets of data sets differ tenfold
    colours = {"random": "#9aa5b1", "tpe": "#2a6f97", "gp": "#c9632a"}
    for axes, (name, regrets) in zip(panels, found.items(), strict=True):
        for variant, values in regrets.items():
            steps, mean = np.arange(1, values.shape[1] + 1), values.mean(axis=0)
            error = values.std(axis=0, ddof=1) / len(values) ** 0.5
            style = ":" if "estimate" in variant else "--" if "paper" in variant else "-"
            colour = colours[variant.split(",")[0]]
            axes.plot(steps, mean, style, color=colour, label=variant)
            axes.fill_between(steps, mean - error, mean + error, color=colour, alpha=0.12, linewidth=0)
        axes.set_title(name, loc="left")
        axes.set_xlabel("trainings")
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("regret in macro F1, mean ± standard error")
    panels[-1].legend(frameon=False)
    with output_file(path) as part:
        canvas.savefig(part, dpi=120, format="png")


if __name__ == "__main__":
    app()
