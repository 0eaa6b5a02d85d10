"""Writes the report of a search: one HTML page that needs no network, and its tables and figures as files.

    python -m bench.report SEARCH                    into the folder of the search
    python -m bench.report SEARCH --open             and show it in the browser
    python -m bench.report SEARCH --map umap         with UMAP in place of PCA
    python -m bench.report SEARCH SEARCH --out FOLDER
    python -m bench.report SEARCH --anndata FILE.h5ad   the winner's embeddings too, for scanpy

Reproductions on several data sets are also compared with each other: average ranks and a critical-difference diagram.
Every number comes from the folder of the search, so the page can be made again at any time. The page becomes an
artifact of the search's run in MLflow, unless `--no-mlflow` is given.
"""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import note, say, user_errors
from cellbench.errors import SettingError, StoreError

if TYPE_CHECKING:
    from bench.record.folder import SearchFolder

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
@user_errors
def report(
    searches: Annotated[list[str], typer.Argument(metavar="SEARCH", help="Names of searches.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the files. Default: `report` in the search's.")] = None,
    projection: Annotated[
        Literal["pca", "umap"], typer.Option("--map", help="How embeddings become a map; umap needs umap-learn.")
    ] = "pca",
    anndata: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write embeddings, labels and groups as AnnData too (.h5ad).")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Method of --anndata. Default: the winner.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    mlflow: Annotated[bool, typer.Option(help="Add the page to the search's run in MLflow.")] = True,
) -> None:
    """Write the report of one or several searches as a page that needs no network."""
    from bench.record.folder import SearchFolder
    from bench.reporting.anndata_file import check_anndata, write_anndata
    from bench.reporting.datasets_compared import comparison_of_datasets
    from bench.reporting.report.gather import gather
    from bench.reporting.report.write import write_report
    from bench.tracking.names import code_version

    if projection == "umap" and importlib.util.find_spec("umap") is None:
        raise SettingError("--map umap needs the package umap-learn; install it with pip install 'cellbench[umap]'.")
    names = list(dict.fromkeys(searches))
    if method is not None and anndata is None:
        raise SettingError("--method chooses whose embeddings --anndata writes; add --anndata FILE.h5ad.")
    if anndata is not None:
        if len(names) > 1:
            raise SettingError("--anndata writes the embeddings of one search; name one search.")
        check_anndata(anndata)
    folders = [SearchFolder.open(name) for name in names]
    if len(names) > 1 and out is None:
        raise SettingError("The report of several searches needs a folder; add --out FOLDER.")
    for folder in folders:
        folder.check_links()
    if out is None:
        out = folders[0].directory / "report"
    code = code_version()
    reports = [gather(name, code, projection) for name in names]
    if anndata is not None:
        training = write_anndata(anndata, reports[0], method)
        say(f"Embeddings written: {anndata}, of {training}.")
    path = write_report(reports, out, comparison_of_datasets(reports))
    say(f"Report written: {path} ({path.stat().st_size / 1e6:.1f} MB); its tables and figures are beside it.")
    if mlflow and len(names) == 1:
        _log(folders[0], path)
    if show:
        _open(path)


def _log(folder: "SearchFolder", path: Path) -> None:
    """Add the page to the search's run in MLflow; where that fails, say so, because the page itself is written."""
    from bench.record.request import Request
    from bench.tracking.reports import log_page

    if not folder.is_recorded:
        note("The page is not in MLflow, because MLflow does not have the result of the search yet.")
        return
    try:
        log_page(folder.name, Request.read(folder).dataset, path)
    except StoreError as error:
        note(f"The page is not in MLflow. {error}")
    else:
        say("The page is an artifact of the search's run in MLflow.")


def _open(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.absolute().as_uri()):
        note(f"No browser was found; open {path} in one.")


if __name__ == "__main__":
    app()
