"""Registers classifiers in the MLflow Model Registry, as safetensors and code, under the alias `champion`."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING

from bench.tracking.address import store_uri, unreachable
from bench.tracking.client import connect
from bench.tracking.names import metric_name

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIAS = "champion"


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def register_classifier(
    directory: Path, search: str, dataset: str, native_size: int, metrics: dict[str, float], pictures: list[Path]
) -> tuple[str, str, tuple[str, float] | None]:
    """Log a classifier as a run of its own, and register it as the champion of its data set.

    Args:
        directory: Folder that `cellbench.classification.classifier.Classifier.save` wrote.
        search: Name of the search that it comes from.
        dataset: Name of the data set; also of the MLflow experiment.
        native_size: Side in px of the patches that it classifies.
        metrics: Scores to log, by the name of the metric.
        pictures: Files to log with the run.

    Returns:
        Name and version of the registered model; version and holdout macro F1 of the previous champion, None where
        there was none.

    Raises:
        StoreError: The MLflow store cannot be used.
        NotFoundError: The table of metrics does not have one of the metrics.
    """
    client = connect()
    import mlflow
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    uri, name = store_uri(), f"cellbench-{dataset}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    patches = TensorSpec(np.dtype(np.uint8), (-1, native_size, native_size, 3))
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        mlflow.set_experiment(dataset)
        # Progress messages of MLflow would disturb the terminal; its errors are raised.
        with _quiet(), mlflow.start_run(run_name=f"classifier of {search}") as run:
            mlflow.set_tags({"cellbench.search": search, "cellbench.dataset": dataset})
            mlflow.log_metrics({metric_name(key): value for key, value in metrics.items()})
            for picture in pictures:
                mlflow.log_artifact(str(picture))
            mlflow.pyfunc.log_model(
                name="classifier",
                python_model=str(Path(__file__).with_name("pyfunc.py")),
                artifacts={"classifier": str(directory)},
                signature=ModelSignature(Schema([patches])),
                pip_requirements=["cellbench"],
                registered_model_name=name,
            )
        before = _champion(client, name)
        versions = client.search_model_versions(f"name = '{name}' and run_id = '{run.info.run_id}'")
        client.set_registered_model_alias(name, ALIAS, versions[0].version)
    except mlflow.exceptions.MlflowException as error:
        raise unreachable(uri, error) from error
    return name, str(versions[0].version), before


def _champion(client: "MlflowClient", name: str) -> tuple[str, float] | None:
    """Return version and holdout macro F1 of the present champion; None where there is none."""
    aliases = client.get_registered_model(name).aliases
    if ALIAS not in aliases:
        return None
    version = client.get_model_version(name, aliases[ALIAS])
    score = client.get_run(version.run_id).data.metrics.get("holdout/f1_macro")
    return None if score is None else (str(version.version), float(score))
