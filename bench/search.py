"""Searches a suppression method and its hyperparameters on a data set.

    python -m bench.search --method mask_fixed
    python -m bench.search --method mask_fixed --dataset pbc --set r_max=30..120
    python -m bench.search --method all --trials 1 --epochs 1
    python -m bench.search --resume marrow-mini-mask_fixed-20261123-221845

Every trial is recorded in MLflow and under CELLBENCH_HOME/searches.
"""

from functools import partial
from typing import TYPE_CHECKING

import typer

from bench.home.paths import spaces_dir, user_home
from bench.planning.commands import resume_command, typed_command, where
from bench.planning.options import SearchOptions
from bench.terminal.command_line import Command, options_from
from bench.terminal.console import note, say, user_errors
from bench.terminal.formatting import counted

if TYPE_CHECKING:
    from bench.home.resources import Machine
    from bench.record.folder import SearchFolder
    from bench.record.request import Request

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PROGRAM = "bench.search"
METHODS = sorted(path.stem for path in spaces_dir().glob("*.yaml"))


@app.command(cls=Command, epilog=f"Methods: {', '.join(METHODS)}.")
@user_errors
@options_from(SearchOptions)
def search(options: SearchOptions) -> None:
    """Search a suppression method and its hyperparameters on a data set.

    The best of many trials is trained again from fresh seeds, compared with floors, and scored once on a holdout.
    """
    user_home()  # Ray keeps its token there, and cannot even be imported without one
    raise SystemExit(_resume(options.resume, options) if options.resume is not None else _start(options))


def _start(options: SearchOptions) -> int:
    from bench.planning.request import make_request

    request, folder = make_request(options, partial(_machine, options.address), typed_command(PROGRAM))
    if options.address is None:
        say(where(None))
    return _run(request, folder)


def _machine(address: str | None) -> "Machine":
    """Return the machines that a search may use. A cluster is named before it is asked."""
    from bench.pipeline.run import find_machine

    if address is not None:
        say(where(address))
    return find_machine(address)


def _resume(name: str, options: SearchOptions) -> int:
    from bench.record.definitions import check_definitions
    from bench.record.folder import SearchFolder
    from bench.record.request import Request
    from bench.record.summary import Summary
    from bench.reporting.verdict import print_verdict

    changes = options.resume_changes()
    folder = SearchFolder.open(name)
    recorded = Request.read(folder)
    recorded.check_searches()
    # Ray's token is sent to the address, so the address is never read from a file that a stranger may have written.
    request = recorded.model_copy(update={"address": None, **changes})
    found = Summary.read(folder)
    if found is not None and folder.is_recorded:
        say(f"The search {name} has ended.")
        print_verdict(request, found)
        return 0
    if found is None:
        check_definitions(request, folder.records())
        say(where(request.address))
        if recorded.address not in (None, request.address):
            note(
                f"{folder.request_path} names the Ray cluster at {recorded.address}, which is not joined, because an "
                f"address is never taken from a file. To join it, stop the search and type: "
                f"{resume_command(PROGRAM, name, recorded.address)}"
            )
    return _run(request, folder)


def _run(request: "Request", folder: "SearchFolder") -> int:
    from bench.pipeline.run import SEARCH, run_and_show
    from bench.reporting.verdict import print_verdict

    settings = request.settings
    say(
        f"  {', '.join(request.methods)} on {request.dataset}: {settings.encoder} at {settings.network_size} px, "
        f"{counted(settings.epochs, 'epoch')}",
        title=folder.name,
    )
    if request.is_screened:
        say(
            f"Configurations are tried at {request.size_at('search')} px on {request.pool_share_at('search'):.0%} of "
            "the patches. Finalists are trained in full."
        )
    for method, names in request.warm_start.items():
        say(f"{method} starts with: {', '.join(names) or 'its own first points'}")
    resume = resume_command(PROGRAM, folder.name, request.address)
    return run_and_show(request, folder, SEARCH, resume, print_verdict)


if __name__ == "__main__":
    app()
