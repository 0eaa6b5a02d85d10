"""Writes the embeddings of a method as AnnData, for scanpy and its relatives."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.home.datasets import reopen_dataset
from bench.home.environment import read_environments
from bench.record.folder import SearchFolder
from bench.record.request import Request
from bench.reporting.report.evidence import Evidence
from bench.reporting.report.trial_files import read_embeddings, trial_of
from cellbench.errors import NotFoundError, SettingError
from cellbench.output_files import check_output, output_file
from cellbench.registry import nearest

if TYPE_CHECKING:
    import pandas as pd

    from cellbench.patches import PatchSet

ENDING = ".h5ad"


def check_anndata(path: Path) -> None:
    """Check, before the work begins, that an AnnData file can be written.

    Raises:
        SettingError: The package is not installed, or the file has another ending or cannot be written.
    """
    if importlib.util.find_spec("anndata") is None:
        raise SettingError("--anndata needs the package anndata; install it with pip install 'cellbench[anndata]'.")
    if path.suffix != ENDING:
        raise SettingError(f"--anndata {path}: the name of the file ends with {ENDING}.")
    check_output(path, "--anndata")


def write_anndata(path: Path, evidence: Evidence, method: str | None = None) -> str:
    """Write the embeddings of the labelled patches by one training of a method, and return the training in words.

    It is the training whose map the report shows: the first fresh seed of the configuration that stands for the method.
    `X` has the embeddings, float32, shape (N, D). `obs` has `label` and `group` of each patch, its `row` in the data
    set, `source` and `radius_px` (native px); its index is the id of the patch. `uns["cellbench"]` has the search, the
    data set with its fingerprint, the configuration with its hyperparameters (lengths in native px), the settings of
    the training, and the versions that the search ran with. Values that are None are left out. No patch of the
    holdout is written.

    Args:
        path: The file.
        evidence: The evidence of the search.
        method: Name of the method; None for the winner.

    Raises:
        SettingError: No trial of the search, or of the method, is completed.
        NotFoundError: The search has no such method.
        DataError: The embeddings or the data set cannot be read.
        StoreError: The file cannot be written.
    """
    import pandas as pd
    from anndata import AnnData

    folder = SearchFolder.open(evidence.name)
    trial = _trial(evidence, method)
    request = Request.read(folder)
    patch_set = reopen_dataset(request.dataset_identity).patch_set
    rows, embeddings = read_embeddings(folder, str(trial["key"]))
    index = patch_set.index.iloc[rows]
    obs = pd.DataFrame(
        {
            "label": pd.Categorical.from_codes(patch_set.labels(rows), categories=pd.Index(patch_set.card.classes)),
            "group": pd.Categorical(index["group"].astype(object)),
            "row": rows,
            "source": index["source"].astype(object).fillna("").to_numpy(),
            "radius_px": index["radius_px"].to_numpy(dtype=np.float64, na_value=np.nan),
        },
        index=pd.Index(index["id"].astype(object), name="id"),
    )
    names = pd.Index([f"unit{number}" for number in range(embeddings.shape[1])], dtype=object)
    data = AnnData(embeddings.astype(np.float32), obs=obs, var=pd.DataFrame(index=names))
    data.uns["cellbench"] = _about(evidence, trial, request, patch_set, folder)
    with output_file(path) as part:
        data.write_h5ad(part)
    return str(trial["label"])


def _trial(evidence: Evidence, method: str | None) -> "pd.Series":
    if evidence.done.empty:
        raise SettingError(f"{evidence.name} has no completed trial yet, so there are no embeddings to write.")
    name = evidence.methods[0] if method is None else method
    if name not in evidence.methods:
        raise NotFoundError(f"{evidence.name} has no method '{name}'; {nearest(name, evidence.methods)}")
    if evidence.trainings_of(name).empty:
        raise SettingError(f"No trial of {name} is completed yet, so it has no embeddings to write.")
    return trial_of(evidence, name)


def _about(
    evidence: Evidence, trial: "pd.Series", request: Request, patch_set: "PatchSet", folder: SearchFolder
) -> dict[str, Any]:
    import pandas as pd

    prefix = "params/"
    environments = read_environments(folder.environment_path)
    return _known(
        {
            "search": evidence.name,
            "dataset": evidence.dataset,
            "fingerprint": patch_set.card.fingerprint,
            "trial": str(trial["key"]),
            "stage": str(trial["stage"]),
            "method": str(trial["method"]),
            "configuration": str(trial["configuration"]),
            "params": {
                str(name).removeprefix(prefix): value
                for name, value in trial.items()
                if str(name).startswith(prefix) and pd.notna(value)
            },
            "fold": None if pd.isna(trial["fold"]) else int(trial["fold"]),
            "seed": int(trial["seed"]),
            "settings": request.settings.model_dump(mode="json"),
            "versions": environments[-1].in_words() if environments else None,
        }
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """Return a dictionary without None, which an AnnData file of older versions cannot hold."""
    return {
        name: _known(value) if isinstance(value, dict) else value for name, value in values.items() if value is not None
    }
