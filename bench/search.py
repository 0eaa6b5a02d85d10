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
from bench.planning.commands import typed_command
from bench.planning.options import SearchOptions
from bench.terminal.command_line import Command, options_from
from bench.terminal.console import user_errors

if TYPE_CHECKING:
    from bench.home.resources import Machine

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
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

    request, folder = make_request(options, partial(_machine, options.address), typed_command("bench.search"))
    from bench.pipeline.run import SEARCH, introduce, run_and_show

    introduce(request, folder.name, SEARCH)
    return run_and_show(request, folder, SEARCH)


def _machine(address: str | None) -> "Machine":
    from bench.pipeline.run import find_machine  # Ray and torch take seconds, so a mistake is found before

    return find_machine(address)


def _resume(name: str, options: SearchOptions) -> int:
    from bench.record.folder import SearchFolder

    changes, folder = options.resume_changes(), SearchFolder.open(name)
    from bench.pipeline.run import SEARCH, resume

    return resume(folder, SEARCH, changes)


if __name__ == "__main__":
    app()
