"""The view of a search in MLflow: its trials, floors and ceilings as one table, the best first, and its address.

MLflow shows the runs of an experiment nested and by date, without metrics. A saved view holds filter, order and columns
together. MLflow keeps it as a tag of the experiment and lists it on the page under `Saved views`.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from bench.record.request import Request
from bench.space.space import COMMON
from bench.tracking.address import store_uri, unreachable
from bench.tracking.names import metric_name, shown_params

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRAINING = "workflowType=machine_learning"
"""Without it, MLflow 3.17 shows the traces of an experiment, which are empty, in place of its runs."""
NAME, CREATED = "attributes.`Run Name`", "runDateAndNestInfo"
"""Columns that every table of MLflow has."""
_TAG = "mlflow.sharedViewState."


def view_key(search: str) -> str:
    """Return the id of a search's saved view in MLflow."""
    return hashlib.sha256(search.encode()).hexdigest()[:32]


def view_state(search: str, request: Request | None) -> dict[str, Any]:
    """Return filter, order and columns of a search's view, in the words of MLflow 3.17.

    Args:
        search: Name of the search.
        request: Its request; None where its folder is not on this machine, then the order is that of macro F1.
    """
    from cellbench.scores.metrics import all_metrics

    params, first, ascending = ["r_max"], "probe/f1_macro", False
    if request is not None:
        first, ascending = request.primary_objective.final, request.primary_objective.sign < 0
        params = _columns_of(request)
    metrics = list(dict.fromkeys([first, *(metric.name for metric in all_metrics() if metric.listed)]))
    chosen = [*(f"metrics.`{metric_name(name)}`" for name in metrics), *(f"params.`{name}`" for name in params)]
    return {
        "searchFilter": f"tags.`cellbench.search` = '{search}' and tags.`cellbench.trial` != ''",
        "orderByKey": chosen[0],
        "orderByAsc": ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": chosen,
        # On a screen of 1280 px all columns of one method are in sight.
        "columnOrder": [NAME, CREATED, *chosen],
        "columnWidths": {NAME: 355, CREATED: 95} | {name: 100 if "metrics" in name else 85 for name in chosen},
    }


def _columns_of(request: Request) -> list[str]:
    """Return the hyperparameters that become columns: those of suppressions, radii first; without any, the others."""
    found = list(dict.fromkeys(name for space in request.spaces for name in shown_params(space)))
    own = [name for name in found if name not in COMMON] or found
    return sorted(own, key=lambda name: name != "r_max")


def save_view(client: "MlflowClient", experiment_id: str, search: str, request: Request | None) -> None:
    """Save the view of a search with the experiment of its data set. A view that exists stays, as people may edit it.

    Args:
        client: A client of the store.
        experiment_id: Id of the experiment.
        search: Name of the search.
        request: Its request; None where its folder is not on this machine.
    """
    experiment, tag = client.get_experiment(experiment_id), _TAG + view_key(search)
    if tag in experiment.tags:
        return
    made = int(experiment.creation_time or 0)
    view = {
        "name": f"{search}: best first",
        "createdAt": made,
        "updatedAt": made,
        "state": json.dumps(view_state(search, request)),
    }
    client.set_experiment_tag(experiment_id, tag, json.dumps(view))


def page_of(client: "MlflowClient", search: str, request: Request | None) -> str | None:
    """Return the part of an MLflow address, from `#`, that shows the view of a search; None where it has no runs.

    Args:
        client: A client of the store.
        search: Name of the search.
        request: Its request; None where its folder is not on this machine.

    Raises:
        StoreError: The store cannot be used.
    """
    if "'" in search:  # no search has such a name, and it would end the text of the filter
        return None
    try:
        experiments = [each.experiment_id for each in client.search_experiments()]
        found = client.search_runs(experiments, f"tags.`cellbench.search` = '{search}'", max_results=1)
        if not found:
            return None
        experiment = found[0].info.experiment_id
        save_view(client, experiment, search, request)
    except Exception as error:
        raise unreachable(store_uri(), error) from error
    return f"#/experiments/{experiment}/runs?{TRAINING}&viewStateShareKey={view_key(search)}"
