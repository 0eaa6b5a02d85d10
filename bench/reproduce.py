"""Runs the paper's experiment on a data set: every configuration on every fold, with floors, ceilings and tests.

    python -m bench.reproduce --dataset pbc --dry-run
    python -m bench.reproduce --dataset pbc --seeds 3
    python -m bench.reproduce --also mine.yaml
    python -m bench.reproduce --resume marrow-mini-reproduction-20261128-120000

The configurations are the paper's 19, its masks normalized, and a mask of the estimated radius. A training that has
ended is not repeated. The holdout is not used.
"""

from typing import TYPE_CHECKING

import typer

from bench.home.paths import user_home
from bench.planning.commands import typed_command
from bench.planning.reproduce_options import ReproduceOptions
from bench.terminal.command_line import Command, options_from
from bench.terminal.console import say, user_errors
from bench.terminal.formatting import counted, duration

if TYPE_CHECKING:
    from bench.home.resources import Machine
    from bench.record.request import Request

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
@user_errors
@options_from(ReproduceOptions)
def reproduce(options: ReproduceOptions) -> None:
    """Run the paper's experiment on a data set: every configuration on every fold.

    Each is compared with `vae` and with the strongest floor, by tests for folds that share training data.
    """
    user_home()  # Ray keeps its token there, and cannot even be imported without one
    raise SystemExit(_resume(options.resume, options) if options.resume is not None else _start(options))


def _start(options: ReproduceOptions) -> int:
    from bench.planning.reproduction import make_reproduction

    machines: list[Machine] = []

    def machine() -> "Machine":
        from bench.pipeline.run import find_machine  # Ray and torch take seconds, so a mistake is found before

        machines.append(find_machine(options.address))
        return machines[-1]

    request, folder = make_reproduction(options, machine, typed_command("bench.reproduce"))
    from bench.pipeline.run import REPRODUCTION, introduce, run_and_show

    if options.dry_run:
        REPRODUCTION.announce(request, folder.name)
    else:
        introduce(request, folder.name, REPRODUCTION)
    _show_cost(request, machines[-1], options.patches_per_s)
    return 0 if options.dry_run else run_and_show(request, folder, REPRODUCTION)


def _resume(name: str, options: ReproduceOptions) -> int:
    from bench.record.folder import SearchFolder

    changes, folder = options.resume_changes(), SearchFolder.open(name)
    from bench.pipeline.run import REPRODUCTION, resume

    return resume(folder, REPRODUCTION, changes)


def _show_cost(request: "Request", machine: "Machine", patches_per_s: float | None) -> None:
    """Print the predicted cost on a machine or cluster, by a given speed or that of a few batches on this machine."""
    from bench.home.resources import plan
    from bench.planning.calibration import Speed, measured_speed
    from bench.planning.reproduction import predicted_cost
    from cellbench.disk import in_words
    from cellbench.patches import PatchSet

    shares = plan(machine, request.concurrent, request.cpus_of_trial, request.gpus_per_trial, request.max_concurrent)
    patch_set = PatchSet.open(request.dataset_path)
    speed = measured_speed(request, patch_set) if patches_per_s is None else Speed(patches_per_s, None)
    cost = predicted_cost(request, patch_set, shares.concurrent, speed)
    source, scores = " (as typed)", ", and the scores of each training"
    if speed.scores_s is not None:
        source, scores = f" and {duration(speed.scores_s)} of scores each (measured here)", ""
    say(
        f"Predicted cost: {counted(cost.n_trainings, 'training')}, {cost.n_patches:,} patches at "
        f"{_in_digits(speed.patches_per_s)} patches/s{source}, {cost.at_once} at once: "
        f"{duration(cost.seconds)}{scores}. It needs up to {in_words(cost.n_bytes)} on disk."
    )


def _in_digits(number: float) -> str:
    """Return a number with three digits or more.

    >>> _in_digits(2.184), _in_digits(12345.6)
    ('2.18', '12,346')
    """
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


if __name__ == "__main__":
    app()
