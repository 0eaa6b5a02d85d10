"""The tree-structured Parzen estimator (Bergstra et al., 2011), multivariate (Falkner et al., 2018)."""

from typing import TYPE_CHECKING

from bench.space.samplers.base import Sampler, register

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def _build(seed: int, n_startup: int) -> "BaseSampler":
    import optuna

    # `constant_liar`: running trials count as bad ones, so that parallel suggestions differ.
    return optuna.samplers.TPESampler(
        multivariate=True, group=True, constant_liar=True, seed=seed, n_startup_trials=n_startup
    )


register(Sampler("tpe", _build, is_multi_objective=True, description="tree-structured Parzen estimator"))
