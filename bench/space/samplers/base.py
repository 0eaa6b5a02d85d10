"""The record of a sampler, and the table of all samplers."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellbench.errors import SettingError
from cellbench.registry import Registry

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@dataclass(frozen=True)
class Sampler:
    """How the configurations of one method are chosen.

    Attributes:
        name: Name on the command line and in `request.yaml`.
        build: Returns the Optuna sampler for a seed and a number of random trials that precede its own suggestions.
            None for a sampler that tries the points of the grid, all of them and nothing else.
        is_multi_objective: Whether it can optimise several objectives at once.
        description: One line for people.
    """

    name: str
    build: "Callable[[int, int], BaseSampler] | None"
    is_multi_objective: bool
    description: str

    @property
    def is_exhaustive(self) -> bool:
        """Whether the sampler tries every point of the grid and nothing else."""
        return self.build is None


SAMPLERS: Registry[Sampler] = Registry("sampler")


def register(sampler: Sampler) -> Sampler:
    """Add a sampler to `SAMPLERS`, and return it.

    Raises:
        SettingError: The name is taken.
    """
    return SAMPLERS.register(sampler.name, sampler.description)(sampler)


def build_sampler(name: str, seed: int, n_startup: int) -> "BaseSampler":
    """Return a new Optuna sampler.

    Args:
        name: A name in `SAMPLERS`.
        seed: Seed of its random numbers, at least 0.
        n_startup: Number of random trials that precede its own suggestions.

    Raises:
        NotFoundError: The sampler is unknown.
        SettingError: The sampler is exhaustive, so it has no Optuna sampler.
    """
    import optuna

    build = SAMPLERS.get(name).build
    if build is None:
        raise SettingError(f"The sampler '{name}' tries the points of a grid; it does not sample a space.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return build(seed, n_startup)
