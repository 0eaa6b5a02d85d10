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
from bench.planning.commands import resume_command, typed_command, where
from bench.planning.reproduce_options import ReproduceOptions
from bench.terminal.command_line import Command, options_from
from bench.terminal.console import note, say, user_errors
from bench.terminal.formatting import counted, duration
from cellbench.errors import SettingError

if TYPE_CHECKING:
    from bench.home.resources import Machine
    from bench.record.folder import SearchFolder
    from bench.record.request import Request

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PROGRAM = "bench.reproduce"


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

    def find_machine() -> "Machine":
        machines.append(_machine(options.address))
        return machines[-1]

    request, folder = make_reproduction(options, find_machine, typed_command(PROGRAM))
    if options.address is None and not options.dry_run:
        say(where(None))
    _announce(request, folder)
    _show_cost(request, machines[-1], options.patches_per_s)
    return 0 if options.dry_run else _run(request, folder)


def _machine(address: str | None) -> "Machine":
    """Return the machines that may be used. A cluster is named before it is asked."""
    from bench.pipeline.run import find_machine

    if address is not None:
        say(where(address))
    return find_machine(address)


def _resume(name: str, options: ReproduceOptions) -> int:
    from bench.record.folder import SearchFolder
    from bench.record.reproduction import Reproduction
    from bench.record.request import Request
    from bench.reporting.reproduction import print_reproduction

    changes = options.resume_changes()
    folder = SearchFolder.open(name)
    recorded = Request.read(folder)
    if not recorded.protocol:
        raise SettingError(f"{name} is a search; continue it with python -m bench.search --resume {name}")
    # Ray's token is sent to the address, so the address is never read from a file that a stranger may have written.
    request = recorded.model_copy(update={"address": None, **changes})
    found = Reproduction.read(folder)
    if found is not None and folder.is_recorded:
        say(f"The reproduction {name} has ended.")
        print_reproduction(request, found)
        return 0
    say(where(request.address))
    if found is None and recorded.address not in (None, request.address):
        note(
            f"{folder.request_path} names the Ray cluster at {recorded.address}, which is not joined, because an "
            f"address is never taken from a file. To join it, stop the reproduction and type: "
            f"{resume_command(PROGRAM, name, recorded.address)}"
        )
    _announce(request, folder)
    return _run(request, folder)


def _announce(request: "Request", folder: "SearchFolder") -> None:
    settings = request.settings
    n_seeds = "" if request.n_seeds == 1 else f" × {request.n_seeds} seeds"
    say(
        f"  {counted(len(request.protocol), 'configuration')} × {request.n_folds} folds{n_seeds} on {request.dataset}: "
        f"{settings.encoder} at {settings.network_size} px, {counted(settings.epochs, 'epoch')}",
        title=folder.name,
    )


def _show_cost(request: "Request", machine: "Machine", patches_per_s: float | None) -> None:
    """Print the predicted cost on a machine or cluster, by a given speed or that of a few batches on this machine."""
    from bench.home.resources import plan
    from bench.planning.reproduction import measured_speed, predicted_cost
    from cellbench.patches import PatchSet

    shares = plan(machine, request.concurrent, request.cpus_of_trial, request.gpus_per_trial, request.max_concurrent)
    patch_set = PatchSet.open(request.dataset_path)
    speed = patches_per_s or measured_speed(request, patch_set)
    cost = predicted_cost(request, patch_set, shares.concurrent, speed)
    source = "as typed" if patches_per_s else "measured here"
    say(
        f"Predicted cost: {counted(cost.n_trainings, 'training')}, {cost.n_patches:,} patches at "
        f"{cost.patches_per_s:.3g} patches/s ({source}), {cost.at_once} at once: {duration(cost.seconds)}, and the "
        "scores of each training."
    )


def _run(request: "Request", folder: "SearchFolder") -> int:
    from bench.pipeline.run import REPRODUCTION, run_and_show
    from bench.reporting.reproduction import print_reproduction

    resume = resume_command(PROGRAM, folder.name, request.address)
    return run_and_show(request, folder, REPRODUCTION, resume, print_reproduction)


if __name__ == "__main__":
    app()
