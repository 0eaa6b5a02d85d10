"""Random search (Bergstra and Bengio, 2012)."""

from typing import TYPE_CHECKING

from bench.space.samplers.base import Sampler, register

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _build(seed: int, n_startup: int) -> "BaseSampler":
    import optuna

    return optuna.samplers.RandomSampler(seed=seed)


register(Sampler("random", _build, is_multi_objective=True, description="independent random points"))
