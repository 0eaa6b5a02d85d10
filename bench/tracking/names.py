"""The names, parameters, tags and notes that a search has in MLflow; this module does not import MLflow."""

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.record.trial import TrialRecord
from bench.space.formatting import params_in_words
from bench.space.space import COMMON, Space
from cellbench.scores.base import Metric
from cellbench.scores.metrics import find_metric

if TYPE_CHECKING:
    from bench.record.request import Request

TRAINED_CEILING = "oracle"
"""The ceiling that is a trial, in a stage of the same name."""


def metrics_of(
    record: TrialRecord, entries: Iterable[dict[str, Any]], rungs: Sequence[int]
) -> list[tuple[str, float, int, int]]:
    """Return the metrics of a trial that go to MLflow: name, value, time in ms since 1970, epoch.

    Args:
        record: The trial.
        entries: Entries of its history in the search folder.
        rungs: Epochs at which trials of the search stage are compared.

    Raises:
        NotFoundError: The table of metrics does not have a metric of the history.
    """
    found = []
    for entry in entries:
        epoch = entry["epoch"]
        for name, value in entry["metrics"].items():
            if _is_due(find_metric(name), record, epoch, rungs):
                found.append((metric_name(name), value, int(1000 * entry["time"]), epoch))
    return found


def _is_due(metric: Metric, record: TrialRecord, epoch: int, rungs: Sequence[int]) -> bool:
    """Return whether a metric of an epoch goes to MLflow."""
    if metric.when == "rung":
        return record.stage == "search" and epoch in rungs
    return metric.when == "epoch" or epoch >= record.epochs


def search_params(request: "Request", device: str) -> dict[str, Any]:
    """Return the parameters of a search's run: what the user asked for. Those of its trials are `trial_params`."""
    started_with = "; ".join(f"{method}: {', '.join(names)}" for method, names in request.warm_start.items())
    return {
        "sampler": request.sampler,
        "warm_start": started_with or "none",
        "scheduler": request.scheduler,
        "objective": request.objective,
        "trials": request.n_trials,
        "stop_early": request.stop_early,
        "time_budget_s": "none" if request.time_budget_s is None else request.time_budget_s,
        "share_trials": request.share_trials,
        "finalists": request.n_finalists,
        "folds": request.n_folds,
        "seeds": request.n_seeds,
        "seed": request.seed,
        "epochs": request.settings.epochs,
        "screen_size": request.size_at("search"),
        "screen_pool": request.screen_pool,
        **_settings(request, device, "final"),
    }


def trial_params(record: TrialRecord, request: "Request", device: str) -> dict[str, Any]:
    """Return the parameters of a trial's run: its hyperparameters and settings."""
    return {
        **record.params,
        "fold": "all" if record.fold is None else record.fold,
        "pool_share": request.pool_share_at(record.stage),
        "seed": record.seed,
        "epochs": record.epochs,
        **_settings(request, device, record.stage),
    }


def _settings(request: "Request", device: str, stage: str) -> dict[str, Any]:
    settings = request.settings
    automatic = "bfloat16" if device == "cuda" else "float32"
    own = {"epochs", "network_size", "precision", "compile", "threads"}
    return {
        **{
            name: "none" if value is None else value
            for name, value in settings.model_dump(mode="json", exclude=own).items()
        },
        "network_size": request.size_at(stage),
        "device": device,
        "precision": automatic if settings.precision == "auto" else settings.precision,
    }


def search_tags(request: "Request", version: str, kind: str) -> dict[str, str]:
    """Return the tags that the run of a search and the runs of its trials, floors and ceilings share.

    Args:
        request: The search.
        version: Version of the code.
        kind: What the run shows: `search`, `trial`, `floor`, `ceiling`, or elsewhere `classifier`.
    """
    return {
        "cellbench.search": request.name,
        "cellbench.kind": kind,
        "cellbench.dataset": request.dataset,
        "cellbench.fingerprint": request.fingerprint,
        "cellbench.git": version,
    }


def is_search_run(tags: Mapping[str, str], run_name: str | None, search: str) -> bool:
    """Return whether a run of a search is that of the search itself. Older runs have no kind, but the search's name.

    Args:
        tags: Tags of the run.
        run_name: Name of the run, which people may change.
        search: Name of the search.
    """
    kind = tags.get("cellbench.kind")
    return kind == "search" if kind else "cellbench.trial" not in tags and run_name == search


def shown_params(space: Space) -> list[str]:
    """Return the hyperparameters that tell the configurations of a method apart for people, in their order.

    These are the ones of the paper's grid that belong to the suppression, else its lengths, else the whole grid.
    """
    grid = {name for point in space.grid for name in point}
    chosen = (grid - set(COMMON)) or set(space.lengths or ()) or grid
    return [name for name in space.parameters if name in chosen]


def run_name(record: TrialRecord, request: "Request") -> str:
    """Return the name of a trial's run: its method, what tells it from others of the method, fold and seed.

    Two trials have the same name where they differ only in other hyperparameters, which the page has as columns.
    """
    fold = "whole pool" if record.fold is None else f"fold {record.fold}"
    given = {entry.configuration.id: entry.name for entry in request.protocol}
    if record.stage == TRAINED_CEILING:
        what = f"ceiling {TRAINED_CEILING}"
    elif record.configuration in given:
        what = given[record.configuration]
    else:
        what = " ".join([record.method, *_words(record, request)])
    return f"{what} · {fold} · seed {record.seed}"


def _words(record: TrialRecord, request: "Request") -> Iterator[str]:
    for space in request.spaces:
        if space.method == record.method:
            own = {name: record.params[name] for name in shown_params(space) if name in record.params}
            short = {name: _short(value) for name, value in own.items()}
            if short:
                yield params_in_words(record.method, short, None, space.lengths).replace(",", "")
    if record.params.get("normalize") is True:
        yield "normalized"


def _short(value: bool | int | float | str) -> bool | int | float | str:
    """Return a number with three digits, from 20 on whole: a name is no record."""
    if not isinstance(value, float):
        return value
    return round(value) if value >= 20 else float(f"{value:.3g}")


def note_of(record: TrialRecord, um_per_px: float | None) -> str:
    """Return a description of a trial, for people.

    Args:
        record: The trial.
        um_per_px: µm per native px; None where it is unknown.
    """
    what = {
        "search": f"a trial on fold {record.fold}",
        "folds": f"a finalist on fold {record.fold}",
        "protocol": f"a configuration of the protocol on fold {record.fold}",
        "final": "a winner on the whole pool, from a fresh seed",
        "oracle": "the ceiling: patches masked by their contour",
    }[record.stage]
    text = f"{record.method} with {params_in_words(record.method, record.params, um_per_px)}: {what}."
    return f"{text} {record.outcome.capitalize()}: {record.reason}" if record.reason else text


def metric_name(name: str) -> str:
    """Return a metric's name as MLflow accepts it; the name of a class may have other characters.

    Raises:
        NotFoundError: The table of metrics does not have it.

    >>> metric_name("probe/f1/neutrophil (band)")
    'probe/f1/neutrophil _band_'
    """
    find_metric(name)
    return re.sub(r"[^\w\-./ :]", "_", name)


def code_version() -> str:
    """Return the commit of the checkout that is running; without a checkout, the version of the package."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
        found = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
        return found.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        from importlib.metadata import version

        return version("cellbench")
