"""Searches a suppression method and its hyperparameters on a data set.

    python -m bench.search --method mask_fixed
    python -m bench.search --method mask_fixed --dataset pbc --set r_max=30..120
    python -m bench.search --method all --trials 1 --epochs 1
    python -m bench.search --resume marrow-mini-mask_fixed-20261123-221845

Every trial is recorded in MLflow and under CELLBENCH_HOME/searches.
"""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bench.home.paths import spaces_dir, user_home
from bench.planning.options import SearchOptions
from bench.terminal.command_line import Command, options_from
from bench.terminal.console import INTERRUPTED, print_error, say, user_errors
from bench.terminal.formatting import counted
from cellbench.errors import StoreError

if TYPE_CHECKING:
    from bench.record.folder import SearchFolder
    from bench.record.request import Request

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
METHODS = sorted(path.stem for path in spaces_dir().glob("*.yaml"))


@app.command(cls=Command, epilog=f"Methods: {', '.join(METHODS)}.")
@user_errors
@options_from(SearchOptions)
def search(options: SearchOptions) -> None:
    """Search a suppression method and its hyperparameters on a data set.

    Configurations are tried on one fold of the pool, and the best are trained on further folds. The winner is trained
    again from fresh seeds, compared with floors that need no training, and scored once on the holdout.
    """
    user_home()  # Ray keeps its token there, and cannot even be imported without one
    raise SystemExit(_resume(options.resume, options) if options.resume is not None else _start(options))


def _start(options: SearchOptions) -> int:
    from bench.pipeline.run import find_machine
    from bench.planning.request import make_request

    request, folder = make_request(options, partial(find_machine, options.address), _command())
    return _run(request, folder)


def _resume(name: str, options: SearchOptions) -> int:
    from bench.record.folder import SearchFolder
    from bench.record.request import Request
    from bench.record.summary import Summary
    from bench.reporting.verdict import print_verdict

    changes = options.resume_changes()
    folder = SearchFolder.open(name)
    request = Request.read(folder)
    found = Summary.read(folder)
    if found is not None and folder.is_recorded:
        say(f"The search {name} has ended.")
        print_verdict(request, found)
        return 0
    return _run(request.model_copy(update=changes), folder)


def _run(request: "Request", folder: "SearchFolder") -> int:
    from bench.pipeline.run import run_search
    from bench.reporting.verdict import print_verdict

    settings = request.settings
    say(
        f"[bold]{request.name}[/]  {', '.join(request.methods)} on {request.dataset}: {settings.encoder} at "
        f"{settings.network_size} px, {counted(settings.epochs, 'epoch')}"
    )
    if request.is_screened:
        say(
            f"Configurations are tried at {request.size_at('search')} px on {request.pool_share_at('search'):.0%} of "
            "the patches. Finalists are trained in full."
        )
    for method, names in request.warm_start.items():
        say(f"{method} starts with: {', '.join(names) or 'its own first points'}")
    resume = f"python -m bench.search --resume {request.name}"
    try:
        summary = run_search(request, folder)
    except KeyboardInterrupt:
        was_written = folder.request_path.exists()
        print_error(
            f"Stopped. Resume with: {resume}" if was_written else "Stopped before anything was written.", "yellow"
        )
        return INTERRUPTED
    except StoreError:
        if folder.request_path.exists():
            print_error(f"Correct the problem below, then resume with: {resume}", "yellow")
        raise
    print_verdict(request, summary)
    return 0


def _command() -> str:
    """Return the command that was typed, for the record."""
    words = sys.argv[1:]
    program = ["cellbench"] if Path(sys.argv[0]).stem == "cellbench" else ["python", "-m", "bench.search"]
    return shlex.join([*program, *words])


if __name__ == "__main__":
    app()
