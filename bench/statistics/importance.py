"""Importance of the hyperparameters of a search."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.record.trial import TrialRecord
from bench.space.objectives import Objective
from bench.space.space import Space

MIN_FANOVA = 10
"""Smallest number of completed trials for fANOVA."""
MIN_RANKS = 4
"""Smallest number of completed trials for rank correlations."""


@dataclass(frozen=True)
class Importances:
    """Share of the objective that each hyperparameter explains, the largest first.

    Attributes:
        how: How the shares were computed, in words.
        values: Share of each hyperparameter. They sum to 1. Empty if too few trials were completed.
    """

    how: str
    values: dict[str, float]


def importances(records: Sequence[TrialRecord], space: Space, objective: Objective, seed: int = 0) -> Importances:
    """Return the importances of one method's searched hyperparameters.

    With ten completed trials or more they are computed by fANOVA (Hutter et al., 2014). With fewer they are absolute
    rank correlations, which miss interactions and an optimum inside a range.

    Args:
        records: Trials of the search stage.
        space: The method's space.
        objective: The objective that was optimised.
        seed: Seed of fANOVA's random forest.
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
        from scipy.stats import spearmanr

        columns = {name: [_number(record.params[name]) for record in done] for name in varied}
        raw = {name: abs(float(spearmanr(column, values).statistic)) for name, column in columns.items()}
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


def _number(value: Any) -> float:
    """Return a value as a number. Strings are ordered by their first six bytes, which is enough for two choices."""
    return (
        float(value) if isinstance(value, bool | int | float) else float(int.from_bytes(str(value)[:6].encode(), "big"))
    )


def _shares(raw: dict[str, float]) -> dict[str, float]:
    total = sum(raw.values())
    shares = {name: value / total for name, value in raw.items()} if total > 0 else raw
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
