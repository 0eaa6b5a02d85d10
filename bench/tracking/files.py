"""Copies the files of a trial to its MLflow run."""

from pathlib import Path
from typing import TYPE_CHECKING

from bench.record.trial import KEPT_BY_MLFLOW
from cellbench.trials.names import RECONSTRUCTIONS

if TYPE_CHECKING:
    from mlflow import MlflowClient


def log_files(client: "MlflowClient", run_id: str, directory: Path, ended: int) -> None:
    """Copy the files of a trial to its run, and its reconstructions also as the image that MLflow shows side by side.

    Args:
        client: A client of the store.
        run_id: Id of the run.
        directory: Folder of the trial.
        ended: End of the trial in ms since 1970. An image of this time is not written again.
    """
    for name in KEPT_BY_MLFLOW:
        if (directory / name).is_file():
            client.log_artifact(run_id, str(directory / name))
    picture = directory / RECONSTRUCTIONS
    if not picture.is_file():
        return
    if any(f"+timestamp+{ended}+" in file.path for file in client.list_artifacts(run_id, "images")):
        return
    from PIL import Image

    with Image.open(picture, formats=("PNG",)) as image:
        # At step 0, which MLflow shows first; the steps of trials with different epochs would have no image in common.
        client.log_image(run_id, image, key=picture.stem, step=0, timestamp=ended)
