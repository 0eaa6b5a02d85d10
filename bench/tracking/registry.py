"""Registers classifiers in the MLflow Model Registry, as safetensors and code, under the alias `champion`."""

import io
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.tracking.address import shown, store_uri, unreachable
from bench.tracking.client import connect, open_experiment
from bench.tracking.names import metric_name
from cellbench.errors import CellbenchError, StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIAS = "champion"
FOLDER = "classifier"
"""Folder of the classifier among the artifacts of a model."""


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Registered:
    """A classifier in the Model Registry.

    Attributes:
        name: Name of the registered model.
        version: Its version.
    """

    name: str
    version: str


class ClassifierRun:
    """The MLflow run of one classifier. `open_classifier_run` creates it.

    Args:
        client: A client of the store.
        run_id: Id of the run.
        dataset: Name of the data set.
    """

    def __init__(self, client: "MlflowClient", run_id: str, dataset: str) -> None:
        self._client, self._run_id, self._name = client, run_id, f"cellbench.{dataset}"

    def register(self, directory: Path, native_size: int) -> Registered:
        """Register a classifier as a new version of the model of its data set, without scores and without an alias.

        Args:
            directory: Folder that `cellbench.classification.classifier.Classifier.save` wrote.
            native_size: Side in px of the patches that it classifies.

        Raises:
            StoreError: The MLflow store cannot be used.
        """
        import mlflow
        import numpy as np
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        patches = TensorSpec(np.dtype(np.uint8), (-1, native_size, native_size, 3))
        with _explained(), _quiet():
            mlflow.pyfunc.log_model(
                name="classifier",
                python_model=str(Path(__file__).with_name("pyfunc.py")),
                artifacts={"classifier": str(directory)},
                signature=ModelSignature(Schema([patches])),
                pip_requirements=["cellbench"],
                registered_model_name=self._name,
            )
            found = self._client.search_model_versions(f"name = '{self._name}' and run_id = '{self._run_id}'")
        return Registered(self._name, str(found[0].version))

    def promote(
        self, registered: Registered, metrics: dict[str, float], pictures: Sequence[Path]
    ) -> tuple[str, float] | None:
        """Log the scores of a registered classifier, and make it the champion of its data set.

        Args:
            registered: What `register` returned.
            metrics: Scores to log, by the name of the metric.
            pictures: Files to log with the run.

        Returns:
            Version and holdout macro F1 of the previous champion, None where there was none.

        Raises:
            StoreError: The MLflow store cannot be used.
            NotFoundError: The table of metrics does not have one of the metrics.
        """
        named = {metric_name(key): value for key, value in metrics.items()}
        with _explained(), _quiet():
            for name, value in named.items():
                self._client.log_metric(self._run_id, name, value)
            for picture in pictures:
                self._client.log_artifact(self._run_id, str(picture))
            before = _champion(self._client, registered.name)
            self._client.set_registered_model_alias(registered.name, ALIAS, registered.version)
        return before


def downloaded_classifier(address: str) -> Path:
    """Return the folder of a registered classifier, downloaded to a temporary folder if its store is a server.

    Args:
        address: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        StoreError: The store cannot be used, or has no such classifier.
    """
    client = connect()
    del client
    import mlflow

    mlflow.set_tracking_uri(store_uri())
    mlflow.set_registry_uri(store_uri())
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        with _quiet():
            found = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"{address.rstrip('/')}"))
    except Exception as error:
        raise StoreError(
            f"The store {shown(store_uri())} has no classifier {address} ({str(error).splitlines()[0]}); "
            "python -m bench.classify registers one, and names its address."
        ) from error
    folder = found / "artifacts" / FOLDER
    if not folder.is_dir():
        raise StoreError(f"{address} is a model of another kind, not a classifier of cellbench; name another.")
    return folder


@contextmanager
def open_classifier_run(search: str, dataset: str, representation: str = "") -> Iterator[ClassifierRun]:
    """Open a run of its own for a classifier. It ends as FINISHED, or as FAILED where the block raises an error.

    Args:
        search: Name of the search that the classifier comes from.
        dataset: Name of the data set; also of the MLflow experiment.
        representation: Name of the method or floor that embeds the patches.

    Raises:
        StoreError: The MLflow store cannot be used.
    """
    client = connect()
    import mlflow

    with _explained():
        mlflow.set_tracking_uri(store_uri())
        mlflow.set_registry_uri(store_uri())
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        tags = {
            "mlflow.runName": f"classifier of {search}",
            "mlflow.note.content": f"A classifier on {representation or 'the winner'} of the search {search}.",
            "cellbench.search": search,
            "cellbench.kind": "classifier",
            "cellbench.dataset": dataset,
            "cellbench.representation": representation,
        }
        run = client.create_run(open_experiment(client, dataset), tags=tags)
        mlflow.start_run(run_id=run.info.run_id)  # `log_model` needs an active run
    status = "FAILED"
    try:
        yield ClassifierRun(client, run.info.run_id, dataset)
        status = "FINISHED"
    finally:
        with suppress(Exception) if status == "FAILED" else _explained():
            mlflow.end_run(status)


@contextmanager
def _explained() -> Iterator[None]:
    """Replace every error of the store by one sentence. The store may fail with errors of SQLAlchemy or of requests."""
    try:
        yield
    except CellbenchError:
        raise
    except Exception as error:
        raise unreachable(store_uri(), error) from error


def _champion(client: "MlflowClient", name: str) -> tuple[str, float] | None:
    """Return version and holdout macro F1 of the present champion; None where there is none."""
    aliases = client.get_registered_model(name).aliases
    if ALIAS not in aliases:
        return None
    version = client.get_model_version(name, aliases[ALIAS])
    score = client.get_run(version.run_id).data.metrics.get("holdout/f1_macro")
    return None if score is None else (str(version.version), float(score))
