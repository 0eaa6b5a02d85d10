"""Which hyperparameters mattered in a search."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.record.trial import TrialRecord
from bench.space.objectives import Objective
from bench.space.space import Space

MIN_FANOVA = 10
"""Completed trials from which a random forest has something to say."""
MIN_RANKS = 4
"""Completed trials from which a rank correlation has."""


@dataclass(frozen=True)
class Importances:
    """How much of the objective each hyperparameter explains, the largest first.

    Attributes:
        how: How it was found, in words.
        values: Share of each hyperparameter, summing to 1; empty where too few trials were completed.
    """

    how: str
    values: dict[str, float]


def importances(records: Sequence[TrialRecord], space: Space, objective: Objective, seed: int = 0) -> Importances:
    """Return the importances of one method's searched hyperparameters.

    From ten completed trials on by fANOVA (Hutter et al., 2014), below that by rank correlations, which see no
    interaction and no optimum inside a range.

    Args:
        records: Trials of the search stage.
        space: The method's space.
        objective: What was optimised.
        seed: Seed of the forest.
    """
    names = list(space.searched)
    done = [
        record
        for record in records
        if record.method == space.method and record.outcome == "completed" and objective.final in record.metrics
    ]
    varied = [name for name in names if len({record.params[name] for record in done}) > 1]
    values = [record.metrics[objective.final] for record in done]
    if len(done) < MIN_RANKS or not varied or len(set(values)) < 2:
        return Importances(f"too few completed trials ({len(done)}) to say", {})
    if len(done) < MIN_FANOVA:
        raw = {
            name: abs(_rank_correlation([_number(record.params[name]) for record in done], values)) for name in varied
        }
        return Importances(f"rank correlations over only {len(done)} completed trials, a hint at most", _shares(raw))
    return Importances(f"fANOVA over {len(done)} completed trials", _shares(_fanova(done, space, varied, values, seed)))


def _fanova(
    done: Sequence[TrialRecord], space: Space, names: Sequence[str], values: Sequence[float], seed: int
) -> dict[str, float]:
    import optuna

    from bench.space.domains import distribution_of

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    distributions = {name: distribution_of(space.searched[name]) for name in names}
    for record, value in zip(done, values, strict=True):
        params = {name: record.params[name] for name in names}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def _rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    from scipy.stats import rankdata

    ranks = np.corrcoef(rankdata(one), rankdata(other))
    return float(ranks[0, 1])


def _number(value: Any) -> float:
    """Return a value as a number; texts by their letters, which serves for two of them."""
    return (
        float(value) if isinstance(value, bool | int | float) else float(int.from_bytes(str(value)[:6].encode(), "big"))
    )


def _shares(raw: dict[str, float]) -> dict[str, float]:
    total = sum(raw.values())
    shares = {name: value / total for name, value in raw.items()} if total > 0 else raw
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
