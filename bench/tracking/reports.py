"""Adds the page of a report to the MLflow run of its search."""

from pathlib import Path

from bench.tracking.address import store_uri, unreachable
from bench.tracking.client import connect, find_search_run
from cellbench.errors import StoreError

FOLDER = "report"
"""Folder of the page among the artifacts of the run."""


def log_page(search: str, dataset: str, path: Path) -> None:
    """Add a page to the run of a search. An earlier page of the same name is replaced.

    Args:
        search: Name of the search.
        dataset: Name of its data set, which is that of the experiment.
        path: The page.

    Raises:
        StoreError: The store cannot be reached, or it has no run of this search.
    """
    client = connect()
    try:
        experiment = client.get_experiment_by_name(dataset)
        run = None if experiment is None else find_search_run(client, experiment.experiment_id, search)
        if run is not None:
            client.log_artifact(run.info.run_id, str(path), FOLDER)
    except Exception as error:
        raise unreachable(store_uri(), error) from error
    if run is None:
        raise StoreError(f"The store has no run of {search}; the command that resumes {search} writes it.")
