"""The console command `cellbench`. Each program is a sub-command, which is imported when it is called."""

import importlib
from typing import Any

import typer

from bench.terminal.command_line import Group
from cellbench.registry import nearest

PROGRAMS = {
    "search": "Search a suppression method and its hyperparameters on a data set.",
    "datasets": "Add, level, list, show and remove data sets.",
    "radius": "Estimate the radius of the cells without labels.",
    "floors": "Score representations that need no training.",
    "response": "Train once for all radii, and show the score at each radius.",
    "forecast": "Predict how long a search takes on a machine or cluster.",
    "reproduce": "Run the paper's experiment on a data set.",
    "results": "Show searches, or the trials of one, as a table.",
    "report": "Write the report of a search as a page that needs no network.",
    "status": "Show the progress of searches.",
    "stop": "Stop a running search.",
    "classify": "Fit a classifier on the encoder of the winner.",
    "predict": "Classify cells with a classifier.",
    "ui": "Open the MLflow user interface on this machine.",
}
"""Each program by its name, with one line of help. It is a module `bench.NAME` with a Typer application `app`."""


class LazyGroup(Group):
    """A group that imports a program when its name is given, so that `--help` is fast."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the programs in the order of the table."""
        return list(PROGRAMS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a program, or None for an unknown name."""
        if cmd_name not in PROGRAMS:
            return None
        command = typer.main.get_command(importlib.import_module(f"bench.{cmd_name}").app)
        command.name = cmd_name
        command.short_help = PROGRAMS[cmd_name]
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of the first argument. The message for an unknown name has the nearest known names."""
        if args and args[0] not in PROGRAMS and not args[0].startswith("-"):
            ctx.fail(f"There is no program {args[0]!r}; {nearest(args[0], PROGRAMS)}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Find the suppression of the surroundings of a cell that gives the best representation of your images.",
)


@app.callback()
def _cellbench() -> None:
    pass


if __name__ == "__main__":
    app()
