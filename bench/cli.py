"""The console command `cellbench`: every program of this folder as a sub-command, loaded when it is called."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

PROGRAMS = {
    "search": "Search a suppression method and its hyperparameters on a data set.",
    "datasets": "Add, list, show and remove data sets.",
    "radius": "Estimate the radius of the cells without labels, and the mask that suits it.",
    "floors": "Score what needs no training: PCA of the whole and of the masked patch.",
    "response": "Train once for all radii, and show what the representation is worth at each.",
    "forecast": "Say how long a search takes on how much of a cluster.",
    "results": "Show the trials of a search as a table.",
    "status": "Show where searches stand.",
    "stop": "Stop a search that runs.",
    "classify": "Turn a search's winner into a classifier.",
    "ui": "Open the MLflow user interface on this machine.",
}
"""Each is a module `bench.NAME` with a Typer application called `app`."""


class LazyGroup(TyperGroup):
    """A group that imports a program when its name is given, so that `--help` is quick."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the programs in the order of the table."""
        return list(PROGRAMS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return one program's command, or None where there is none of that name."""
        if cmd_name not in PROGRAMS:
            return None
        command = typer.main.get_command(importlib.import_module(f"bench.{cmd_name}").app)
        command.name = cmd_name
        command.short_help = PROGRAMS[cmd_name]
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of the first argument; a mistyped one is answered with the nearest."""
        import difflib

        if args and args[0] not in PROGRAMS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], PROGRAMS, n=3) or list(PROGRAMS)
            ctx.fail(f"There is no program {args[0]!r}; the nearest are: {', '.join(near)}.")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Which way of suppressing the surroundings of a cell gives the best representation of my images?",
)


@app.callback()
def _cellbench() -> None:
    pass


if __name__ == "__main__":
    app()
