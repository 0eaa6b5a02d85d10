"""How long a search takes on how much of a cluster, simulated before anybody asks for node hours.

    python -m bench.forecast --profile cpu --patches-per-s 290 --scoring-s 25
    python -m bench.forecast --profile gpu --at-once 1,8,32,256
    python -m bench.forecast --profile gpu --at-once 8,64 --patches-per-s 2000 --methods 8

Without `--patches-per-s` lengths are given in full trainings: run one, and multiply.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from bench.record.profiles import PROFILES, Profile, n_epochs, profile, rungs
from bench.terminal.console import console, say, user_errors
from bench.terminal.parsing import is_whole
from cellbench.errors import SettingError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
MOST_AT_ONCE = 100_000

FINAL_SHARE = 5 / 4
"""A winner is trained on the whole pool, a configuration tried on four fifths of it."""
REPORT_S = 0.021
"""Seconds of the driver for one epoch of one trial: MLflow's batch in a local database 20 ms, Ray Tune 1 ms."""


@dataclass(frozen=True)
class Costs:
    """What one training of the search stage takes.

    Attributes:
        epoch_s: Seconds of an epoch.
        scoring_s: Seconds of the scores at its end.
        epochs: Epochs of a full training.
    """

    epoch_s: float
    scoring_s: float
    epochs: int

    @property
    def full_s(self) -> float:
        """Seconds of a full training."""
        return self.epochs * self.epoch_s + self.scoring_s


@dataclass(frozen=True)
class Forecast:
    """How a search of all methods goes with so many trials at once.

    Attributes:
        at_once: Trials at once.
        stages: Seconds of the stages search, folds and final, which follow one another.
        work_s: Seconds of all trainings one after another.
    """

    at_once: int
    stages: tuple[float, float, float]
    work_s: float

    @property
    def seconds(self) -> float:
        """Seconds of the whole search."""
        return sum(self.stages)

    @property
    def busy(self) -> float:
        """Share of the slots' time in which a trial trains."""
        return self.work_s / (self.at_once * self.seconds)


def forecast(chosen: Profile, costs: Costs, at_once: int, n_methods: int = 1, oracle: bool = True) -> Forecast:
    """Simulate a search: its stages wait for one another, and within each whoever is free takes the next trial.

    No finalist is taken to be dropped from its race over folds.

    Args:
        chosen: Numbers of trials, finalists, folds and seeds, and ASHA's rungs.
        costs: What a training takes; floors and the terminal are left out.
        at_once: Trials at once.
        n_methods: Methods that are compared.
        oracle: Whether the ceiling is trained.
    """
    from bench.pipeline.race import race_rounds

    search, work = _search_stage(chosen, costs, at_once, n_methods)
    races = race_rounds(n_methods * chosen.n_finalists, chosen.n_folds - 1, at_once)
    final_s = FINAL_SHARE * costs.epochs * costs.epoch_s + costs.scoring_s
    final = [final_s] * (n_methods * chosen.n_seeds)
    after = [final_s] if oracle else []
    if n_methods == 1:  # the winner's method is known, so the ceiling need not wait
        final, after = final + after, []
    lengths = search, sum(_makespan([costs.full_s] * n, at_once) for n in races), _makespan(final, at_once) + sum(after)
    return Forecast(at_once, lengths, work + costs.full_s * sum(races) + sum(final) + sum(after))


def _makespan(lengths: Sequence[float], at_once: int) -> float:
    free = [0.0] * at_once
    for length in lengths:
        heapq.heapreplace(free, free[0] + length)
    return max(free)


def _search_stage(chosen: Profile, costs: Costs, at_once: int, n_methods: int) -> tuple[float, float]:
    """Return length and work of the search stage, with ASHA's rule on goals that tell nothing before the trial runs."""
    import numpy as np

    objectives = np.random.default_rng(0).random(n_methods * chosen.n_trials)
    stops = rungs(costs.epochs, chosen.reduction, chosen.n_rungs)
    kept = chosen.n_finalists if chosen.n_folds > 1 else 1
    seen: dict[tuple[int, int], list[float]] = {}
    waiting = list(range(len(objectives)))[::-1]
    events: list[tuple[float, int, int]] = []  # time, trial, epoch it has reached

    def go_on(now: float, trial: int, epoch: int) -> None:
        following = next((stop for stop in stops if stop > epoch), costs.epochs)
        end = now + (following - epoch) * costs.epoch_s + (costs.scoring_s if following == costs.epochs else 0)
        heapq.heappush(events, (end, trial, following))

    work = end = 0.0
    for _ in range(min(at_once, len(objectives))):
        go_on(0.0, waiting.pop(), 0)
    while events:
        end, trial, epoch = heapq.heappop(events)
        if epoch < costs.epochs:
            others = seen.setdefault((trial % n_methods, epoch), [])
            among_best = sum(objective > objectives[trial] for objective in others) < kept
            passes = among_best or objectives[trial] >= np.quantile(others, 1 - 1 / chosen.reduction)
            others.append(float(objectives[trial]))
            if passes:
                go_on(end, trial, epoch)
                continue
        work += epoch * costs.epoch_s + (costs.scoring_s if epoch == costs.epochs else 0)
        if waiting:
            go_on(end, waiting.pop(), 0)
    return end, work


@app.command()
@user_errors
def main(
    profile_: Annotated[str, typer.Option("--profile", help="cpu, gpu or paper.")] = "gpu",
    at_once: Annotated[str, typer.Option(help="Trials at once: 8 GPUs at --gpus-per-trial 0.25 make 32.")] = "1,2,8,64",
    methods: Annotated[int, typer.Option(min=1, max=1000, help="Methods that are compared.")] = 1,
    patches: Annotated[int, typer.Option(min=1, help="Patches of an epoch: four fifths of the pool.")] = 10_000,
    patches_per_s: Annotated[
        float | None,
        typer.Option(help="Patches a second of one trial among as many as run: speed/patches_per_s in MLflow."),
    ] = None,
    scoring_s: Annotated[float, typer.Option(min=0, help="Seconds of a trial's final scores.")] = 0.0,
) -> None:
    """Say how long a search takes with so many trials at once."""
    if profile_ not in PROFILES:
        raise SettingError(f"--profile {profile_}: a forecast needs {', '.join(PROFILES)}.")
    chosen = profile(profile_, has_gpu=False)
    for option, value in (("--patches-per-s", patches_per_s), ("--scoring-s", scoring_s or None)):
        if value is not None and not 1e-3 <= value <= 1e9:
            raise SettingError(f"{option} {value:g}: must lie between 0.001 and 1e9.")
    if patches_per_s is None and scoring_s:
        raise SettingError("--scoring-s means nothing without --patches-per-s.")
    epochs = n_epochs(chosen, patches)
    epoch_s = patches / patches_per_s if patches_per_s else 1.0
    costs = Costs(epoch_s, scoring_s, epochs)
    found = [forecast(chosen, costs, n, methods) for n in _numbers(at_once)]
    _print(found, costs, hours=patches_per_s is not None)
    never = forecast(chosen, costs, 10_000, methods)
    unit, name = (3600, "h") if patches_per_s else (costs.full_s, "full trainings")
    say(f"With any number at once it is {never.seconds / unit:.2f} {name}: the stages wait for one another.")
    if patches_per_s is not None:
        most = min(max(each.at_once for each in found), methods * chosen.n_trials)
        load = most * REPORT_S / epoch_s
        say(
            f"The driver is busy {min(load, 9.99):.0%} of the time with the epochs of {most} trials"
            f"{'; from 50 % on it holds them up: a larger data set has longer epochs' if load > 0.5 else ''}."
        )


def _numbers(text: str) -> list[int]:
    if not all(is_whole(part) and 0 < int(part) <= MOST_AT_ONCE for part in text.split(",")):
        raise SettingError(f"--at-once {text}: write numbers of trials such as 1,8,64, up to {MOST_AT_ONCE}.")
    return [int(part) for part in text.split(",")]


def _print(found: Sequence[Forecast], costs: Costs, hours: bool) -> None:
    from rich.table import Table

    unit = 3600 if hours else costs.full_s
    table = Table(box=None, pad_edge=False)
    for name in ("at once", "search", "folds", "final", "hours" if hours else "full trainings", "slots busy"):
        table.add_column(name, justify="right")
    for each in found:
        lengths = [f"{length / unit:.{2 if hours else 1}f}" for length in (*each.stages, each.seconds)]
        table.add_row(str(each.at_once), *lengths, f"{each.busy:.0%}")
    console().print(table)


if __name__ == "__main__":
    app()
