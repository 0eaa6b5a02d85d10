"""Bayesian optimisation with a Gaussian process and expected improvement."""

from typing import TYPE_CHECKING

from bench.space.samplers.base import Sampler, register

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _build(seed: int, n_startup: int) -> "BaseSampler":
    import optuna

    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=n_startup)


register(Sampler("gp", _build, is_multi_objective=True, description="Gaussian process with expected improvement"))
