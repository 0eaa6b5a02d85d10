"""Replays samplers on a stored grid: how far from the best radius a search stands after so many trainings.

    python -m bench.study.samplers docs/radius/marrow.csv docs/radius/pbc.csv --figure docs/radius/regret.png

A training at any radius is read off the grid: linear between radii on a log scale, on the curve of a seed that is drawn
for each training. Regret is the grid's best mean F1 less the mean F1 of the radius with the best score seen so far.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bench.study.radius.grid_curve import GridCurve
from bench.terminal.console import console, say, user_errors

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PAPER = (50.0, 90.0, 126.0)
"""The paper's radii, px of a 256 px patch: what a search tries first."""
N_STARTUP = 4
SHOWN = (1, 2, 3, 4, 6, 8, 12, 16)


def replay(response: GridCurve, sampler: str, first: Sequence[float], n_trials: int, seed: int) -> np.ndarray:
    """Return the regret after each trial, shape (n_trials,).

    Args:
        response: What is searched.
        sampler: `random`, `tpe` or `gp`.
        first: Radii that are tried first, px of a 256 px patch.
        n_trials: Number of trainings.
        seed: Seed of the sampler and of the trainings.
    """
    import optuna

    from bench.space.samplers import build_sampler

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng = np.random.default_rng([seed, 1])
    study = optuna.create_study(direction="maximize", sampler=build_sampler(sampler, seed, N_STARTUP))
    low, high = response.radii[0], response.radii[-1]
    for radius in first:
        study.enqueue_trial({"r_max": float(np.clip(radius, low, high))})
    regrets, best_seen, best_radius = [], -np.inf, low
    for _ in range(n_trials):
        trial = study.ask()
        radius = trial.suggest_float("r_max", low, high, log=True)
        score = response.at(radius, int(rng.integers(len(response.f1))))
        study.tell(trial, score)
        if score > best_seen:
            best_seen, best_radius = score, radius
        regrets.append(response.best - response.at(best_radius))
    return np.array(regrets)


def compare(
    response: GridCurve, ways: Mapping[str, tuple[str, Sequence[float]]], n_trials: int, repeats: int
) -> dict[str, np.ndarray]:
    """Return the regrets of each way, shape (repeats, n_trials); a way is a sampler and what it tries first."""
    return {
        name: np.stack([replay(response, sampler, first, n_trials, seed) for seed in range(repeats)])
        for name, (sampler, first) in ways.items()
    }


@app.command()
@user_errors
def samplers(
    tables: Annotated[list[Path], typer.Argument(help="Tables of bench.study.radius.grid.", exists=True)],
    guesses: Annotated[
        str | None,
        typer.Option(help="For each table a first guess of the radius, px of a 256 px patch, separated by commas."),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trainings of a search.")] = 16,
    repeats: Annotated[int, typer.Option(min=2, help="Searches of each way.")] = 40,
    figure: Annotated[Path | None, typer.Option(help="PNG to draw.")] = None,
) -> None:
    """Show how far from the best radius samplers stand after so many trainings."""
    import pandas as pd
    from rich.table import Table

    guessed = [float(text) for text in guesses.split(",")] if guesses else [None] * len(tables)
    found: dict[str, dict[str, np.ndarray]] = {}
    for path, guess in zip(tables, guessed, strict=True):
        response = GridCurve.of(pd.read_csv(path))
        ways: dict[str, tuple[str, Sequence[float]]] = {
            "random": ("random", ()),
            "tpe": ("tpe", ()),
            "gp": ("gp", ()),
            "tpe, paper's radii first": ("tpe", PAPER),
            "gp, paper's radii first": ("gp", PAPER),
        }
        if guess is not None:
            ways["tpe, estimate first"] = ("tpe", (guess, *PAPER))
            ways["gp, estimate first"] = ("gp", (guess, *PAPER))
        found[path.stem.removeprefix("grid-")] = compare(response, ways, trials, repeats)
    for name, regrets in found.items():
        shown = Table(box=None, pad_edge=False, title=f"{name}: mean regret (macro F1) after so many trainings")
        steps = [n for n in SHOWN if n <= trials]
        for column in ("", *map(str, steps)):
            shown.add_column(column, justify="right" if column else "left")
        for way, values in regrets.items():
            shown.add_row(way, *(f"{values[:, n - 1].mean():.3f}" for n in steps))
        console().print(shown)
    say(f"{repeats} searches of each way.")
    if figure is not None:
        _draw(found, figure)


def _draw(found: Mapping[str, Mapping[str, np.ndarray]], path: Path) -> None:
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(5 * len(found), 4), layout="constrained")
    panels: Any = canvas.subplots(1, len(found), squeeze=False)[0]  # each its own scale: sets differ tenfold
    colours = {"random": "#9aa5b1", "tpe": "#2a6f97", "gp": "#c9632a"}
    for axes, (name, regrets) in zip(panels, found.items(), strict=True):
        for way, values in regrets.items():
            steps, mean = np.arange(1, values.shape[1] + 1), values.mean(axis=0)
            error = values.std(axis=0, ddof=1) / len(values) ** 0.5
            style = ":" if "estimate" in way else "--" if "paper" in way else "-"
            colour = colours[way.split(",")[0]]
            axes.plot(steps, mean, style, color=colour, label=way)
            axes.fill_between(steps, mean - error, mean + error, color=colour, alpha=0.12, linewidth=0)
        axes.set_title(name, loc="left")
        axes.set_xlabel("trainings")
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("regret in macro F1, mean ± its error")
    panels[-1].legend(frameon=False)
    canvas.savefig(path, dpi=120, format="png")


if __name__ == "__main__":
    app()
