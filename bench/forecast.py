"""Predicts how long a search takes on a machine or cluster.

    python -m bench.forecast --profile cpu --patches-per-s 290 --scoring-s 25
    python -m bench.forecast --profile gpu --at-once 1,8,32,256
    python -m bench.forecast --profile gpu --at-once 8,64 --patches-per-s 2000 --methods 8
    python -m bench.forecast --profile paper --methods 8 --patches 9218 --patches-per-s 2000

Without `--patches-per-s`, durations are multiples of a full training. Run one training to know its duration.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import AfterValidator, Field

from bench.planning.options import Options
from bench.record.profiles import n_epochs, profile
from bench.terminal.command_line import Command, Option, options_from
from bench.terminal.console import console, say, user_errors
from bench.terminal.parsing import is_whole
from cellbench.errors import SettingError

if TYPE_CHECKING:
    from bench.record.profiles import Profile
    from bench.statistics.forecast import Costs, Forecast

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
MOST_AT_ONCE = 100_000
REPORT_S = 0.021
"""Time of the driver for one epoch of one trial, s: 20 ms for MLflow's batch in a local database, 1 ms for Ray Tune."""


def _check_at_once(text: str) -> str:
    if not all(is_whole(part) and 0 < int(part) <= MOST_AT_ONCE for part in text.split(",")):
        raise ValueError(f"must be numbers of trials such as 1,8,64, each at most {MOST_AT_ONCE}")
    return text


class ForecastOptions(Options):
    """The options of `bench.forecast`."""

    profile: Annotated[
        Literal["quick", "cpu", "gpu", "paper"], Option("Profile: quick, cpu, gpu, paper", metavar="NAME")
    ] = "gpu"
    at_once: Annotated[
        str, AfterValidator(_check_at_once), Option("Trials at once, separated by commas", metavar="N,N")
    ] = "1,2,8,64"
    methods: Annotated[int, Field(ge=1, le=1000), Option("Methods to compare")] = 1
    patches: Annotated[int, Field(ge=1), Option("Patches of an epoch, four fifths of the pool")] = 10_000
    patches_per_s: Annotated[
        float | None, Field(ge=1e-3, le=1e9), Option("Speed of a trial, as patches_per_s in MLflow")
    ] = None
    scoring_s: Annotated[float, Field(ge=0, le=1e9), Option("Time of the final scores of a trial, s")] = 0.0


@app.command(cls=Command)
@user_errors
@options_from(ForecastOptions)
def main(options: ForecastOptions) -> None:
    """Predict how long a search takes, for one or more numbers of trials at once."""
    from bench.statistics.forecast import Costs, forecast

    chosen, methods = profile(options.profile, has_gpu=False), options.methods
    if options.patches_per_s is None and options.scoring_s:
        raise SettingError("--scoring-s needs --patches-per-s, the speed of a trial.")
    epochs = n_epochs(chosen, options.patches)
    epoch_s = options.patches / options.patches_per_s if options.patches_per_s else 1.0
    costs = Costs(epoch_s, options.scoring_s, epochs)
    tried = _n_tried(chosen, methods)
    found = [forecast(chosen, costs, int(n), methods, chosen.has_oracle, tried) for n in options.at_once.split(",")]
    _print(found, costs, hours=options.patches_per_s is not None)
    limit = forecast(chosen, costs, 10_000, methods, chosen.has_oracle, tried)
    unit, name = (3600, "h") if options.patches_per_s else (costs.full_s, "full trainings")
    say(f"With any number at once it is {limit.seconds / unit:.2f} {name}: the stages wait for one another.")
    if options.patches_per_s is not None:
        most = min(max(each.at_once for each in found), sum(tried))
        load = most * REPORT_S / epoch_s
        say(
            f"The driver is busy {min(load, 9.99):.0%} of the time with the epochs of {most} trials"
            f"{'; from 50 % on it holds them up: a larger data set has longer epochs' if load > 0.5 else ''}."
        )


def _n_tried(chosen: "Profile", n_methods: int) -> list[int]:
    """Return the number of trials of each method: for a grid, those of the methods of the paper, the largest first."""
    from bench.space.reader import load_space
    from bench.space.samplers import SAMPLERS
    from bench.space.space import PAPER_METHODS

    if not SAMPLERS.get(chosen.sampler).is_exhaustive:
        return [chosen.n_trials] * n_methods
    sizes = sorted((len(load_space(method).grid) for method in PAPER_METHODS), reverse=True)
    return (sizes + [chosen.n_trials] * n_methods)[:n_methods]


def _print(found: "Sequence[Forecast]", costs: "Costs", hours: bool) -> None:
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
