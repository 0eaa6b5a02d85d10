"""What the next longer profile would change in a search, and its command."""

import shlex

from bench.record.profiles import PROFILES
from bench.record.request import Request
from bench.terminal.formatting import counted

LEFT_OUT = ("--profile", "--name")
"""Options of a command that the command of the longer search does not have, each with a value."""


def longer_profile(request: Request) -> str | None:
    """Return what a longer search would change, with its command; None after a search that was not quick."""
    if request.profile != "quick":
        return None
    quick, cpu = PROFILES["quick"], PROFILES["cpu"]
    near = over = ""
    if any("the radius estimate" in names for names in request.warm_start.values()) and quick.radius_factors:
        low, high = quick.radius_factors
        near, over = f" with radii of {low:g} to {high:g} times the estimate", " over all radii"
    return (
        f"This was a quick search: {counted(request.n_trials, 'trial')} per method{near}. --profile cpu trains "
        f"{_spaced(cpu.passes)} in place of {_spaced(quick.passes)} passes, tries {cpu.n_trials} "
        f"configurations per method{over}, and compares {cpu.n_finalists} finalists on {cpu.n_folds} folds, "
        f"{cpu.n_seeds} fresh seeds and, where contours are known, the oracle: {longer_command(request.command)}"
    )


def longer_command(command: str) -> str:
    """Return the command of a search with the CPU profile and a new name.

    >>> longer_command("python -m bench.search --method mask_fixed --name=first --profile quick")
    'python -m bench.search --method mask_fixed --profile cpu'
    """
    kept: list[str] = []
    words = iter(shlex.split(command))
    for word in words:
        if word in LEFT_OUT:
            next(words, None)
        elif not word.startswith(tuple(f"{name}=" for name in LEFT_OUT)):
            kept.append(word)
    return shlex.join([*kept, "--profile", "cpu"])


def _spaced(number: int) -> str:
    """Return a number with spaces between thousands."""
    return f"{number:,}".replace(",", " ")
