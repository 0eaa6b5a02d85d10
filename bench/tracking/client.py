"""The connection to MLflow."""

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.home.paths import home
from bench.tracking.address import check_reachable, store_uri, unreachable
from cellbench.errors import StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


FOREIGN_RUN = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")
"""Variables that `mlflow run` and job systems set for their own run. MLflow would write our runs into that run."""


def connect() -> "MlflowClient":
    """Return a client of the store. A new database is created here, before another process can look for it.

    Variables of the environment that name a run or an experiment are removed from this process.

    Raises:
        StoreError: The store cannot be reached.
    """
    uri = store_uri()
    for name in FOREIGN_RUN:
        os.environ.pop(name, None)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "1")
    check_reachable(uri)
    try:
        with warnings.catch_warnings():  # MLflow uses deprecated parts of other libraries
            warnings.simplefilter("ignore")
            import mlflow

            if not hasattr(mlflow, "MlflowClient"):
                raise StoreError("The package mlflow is not installed; install it with `pip install mlflow`.")
            for name in ("mlflow", "alembic"):  # MLflow logs a traceback of each error that it also raises
                logging.getLogger(name).setLevel(logging.CRITICAL)
            if uri.startswith("sqlite:///"):
                Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            client = mlflow.MlflowClient(uri, uri)
            client.search_experiments(max_results=1)
    except StoreError:
        raise
    except Exception as error:
        raise unreachable(uri, error) from error
    return client


def open_experiment(client: "MlflowClient", name: str) -> str:
    """Return the id of an experiment. It is created where it is missing, and restored where it was deleted.

    Args:
        client: A client of the store.
        name: Name of the data set.
    """
    found = client.get_experiment_by_name(name)
    if found is None:
        local = store_uri().startswith("sqlite:")
        where = (home() / "artifacts" / name).as_uri() if local else None
        return str(client.create_experiment(name, artifact_location=where))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def find_runs(client: "MlflowClient", experiment_id: str, text: str, most: int | None = None) -> "list[Run]":
    """Return the runs of an experiment that a filter selects, the newest first.

    Args:
        client: A client of the store.
        experiment_id: Id of the experiment.
        text: The filter, in the words of MLflow.
        most: Largest number of runs; None for all.
    """
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], text, max_results=most or 1000, page_token=token)
        found.extend(page)
        token = page.token
        if not token or most is not None:
            return found


def find_search_run(client: "MlflowClient", experiment_id: str, search: str) -> "Run | None":
    """Return the run of a search, whatever people call it; None where there is none.

    Args:
        client: A client of the store.
        experiment_id: Id of the experiment of its data set.
        search: Name of the search.
    """
    of_search = f"tags.`cellbench.search` = '{search}'"
    for more in ("tags.`cellbench.kind` = 'search'", f"tags.`mlflow.runName` = '{search}'"):  # older runs have no kind
        for run in find_runs(client, experiment_id, f"{of_search} and {more}", most=1):
            return run
    return None


def log_metrics(client: "MlflowClient", run_id: str, metrics: Sequence[tuple[str, float, int, int]]) -> None:
    """Write metrics to a run.

    Args:
        client: A client of the store.
        run_id: Id of the run.
        metrics: Name, value, time in ms since 1970, and epoch of each.
    """
    from mlflow.entities import Metric

    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=[Metric(*values) for values in metrics[start : start + 1000]])
