"""The connection to MLflow."""

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from bench.tracking.address import check_reachable, store_uri, unreachable
from cellbench.errors import StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient


def connect() -> "MlflowClient":
    """Return a client of the store. A new database is created here, before another process can look for it.

    Raises:
        StoreError: The store cannot be reached.
    """
    uri = store_uri()
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
            for name in ("mlflow", "alembic"):
                logging.getLogger(name).setLevel(logging.ERROR)
            if uri.startswith("sqlite:///"):
                Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            client = mlflow.MlflowClient(uri, uri)
            client.search_experiments(max_results=1)
    except StoreError:
        raise
    except Exception as error:
        raise unreachable(uri, error) from error
    return client
