"""The table of metrics: the name, time of recording, direction, unit and title of every number that is recorded.

MLflow names, columns and titles come from this table, and a name that is not in it raises an error. A score declares
its own metrics (`cellbench.scores.base.Score`); `OTHER_METRICS` has the rest.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from cellbench.errors import NotFoundError, SettingError
from cellbench.registry import nearest
from cellbench.scores.base import Metric, all_scores

OTHER_METRICS = (
    Metric("train/loss", "epoch", "min", "", "training loss", mean_over="seeds"),
    Metric("train/reconstruction", "epoch", "min", "0–1", "weighted L1 in training", mean_over="seeds"),
    Metric("train/kl", "epoch", "none", "nats per unit", "KL divergence in training", mean_over="seeds"),
    Metric("speed/patches_per_s", "epoch", "max", "patches/s", "training speed"),
    Metric("radius/r_max", "epoch", "none", "native px", "radius of the mask, mean over patches"),
    Metric("cost/seconds", "end", "min", "s", "time of the trial, scores included", mean_over="seeds"),
    Metric("cost/patches", "end", "min", "patches", "patches seen in training", mean_over="seeds"),
    Metric("holdout/f1_macro", "search", "max", "0–1", "macro F1 on the holdout", "holdout"),
    Metric("holdout/f1_low", "search", "max", "0–1", "lower end of its 95 % interval over groups"),
    Metric("holdout/f1_high", "search", "max", "0–1", "upper end of its 95 % interval over groups"),
    Metric("holdout/f1/<class>", "search", "max", "0–1", "F1 of a class on the holdout"),
    Metric("floor/f1_macro", "search", "max", "0–1", "macro F1 of the strongest floor"),
    Metric("ceiling/f1_macro", "search", "max", "0–1", "macro F1 of the ceiling"),
    Metric("ceiling/lead", "search", "max", "−1–1", "macro F1 of the ceiling minus that of the strongest floor"),
    Metric("ceiling/lead_low", "search", "max", "−1–1", "lower end of its 95 % interval over groups"),
    Metric("ceiling/lead_high", "search", "max", "−1–1", "upper end of its 95 % interval over groups"),
    Metric("ceiling/share", "search", "max", "of the way", "share of the way from that floor to the ceiling", "share"),
    Metric("response/<radius>_best", "search", "none", "native px", "radius with the best objective"),
    Metric("response/<radius>_low", "search", "none", "native px", "lower end of the acceptable radii"),
    Metric("response/<radius>_high", "search", "none", "native px", "upper end of the acceptable radii"),
    Metric("response/noise", "search", "min", "of the objective", "standard deviation between equal trainings"),
)
"""Metrics of the training, of its cost, and of a whole search; those of scores stand with the scores."""


def all_metrics() -> list[Metric]:
    """Return all metrics: those of scores in the order of the scores, then the others.

    Raises:
        SettingError: Two scores declare a metric of the same name.
    """
    return list(_table().values())


@cache
def find_metric(name: str) -> Metric:
    """Return the metric that has a name, or the family that a name belongs to.

    Raises:
        NotFoundError: The metric is unknown. The message names the nearest known ones.
    """
    table = _table()
    if (exact := table.get(name)) is not None and not exact.is_family:
        return exact
    for metric in table.values():
        if metric.is_family and metric.matches(name):
            return metric
    raise NotFoundError(
        f"There is no metric '{name}'; {nearest(name, table)} A score declares its metrics in `Score.metrics`."
    )


def metrics_in(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics in a trial's report to Ray Tune.

    The name of a metric has a `/`. The other entries of a report (Ray Tune's own, the outcome) have none.

    Raises:
        NotFoundError: A metric is unknown.
    """
    found = {name: float(value) for name, value in report.items() if "/" in name}
    check_known(found)
    return found


def check_known(names: Iterable[str]) -> None:
    """Check that the table has every one of these metrics.

    Raises:
        NotFoundError: A metric is unknown.
    """
    for name in names:
        find_metric(name)


def _table() -> dict[str, Metric]:
    table: dict[str, Metric] = {}
    for metric in (*(metric for score in all_scores() for metric in score.metrics), *OTHER_METRICS):
        if metric.name in table:
            raise SettingError(f"The metric '{metric.name}' is declared twice; give one of them another name.")
        table[metric.name] = metric
    return table
