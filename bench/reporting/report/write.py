"""Writes a report: the page, its tables as CSV and Parquet, and its figures as PNG and SVG."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.record.frame import describe
from bench.reporting.report.evidence import Article, Evidence
from bench.reporting.report.page import article, page
from bench.reporting.report.still_figure import still_figures
from cellbench.errors import SettingError
from cellbench.output_files import output_file, write_output

if TYPE_CHECKING:
    import pandas as pd

PAGE = "report.html"


def write_report(
    reports: Sequence[Evidence], out: Path, compared: Article | None = None, with_figures: bool = True
) -> Path:
    """Write the report of one or several searches, and return the path of the page, which is written last.

    Args:
        reports: The searches.
        out: Folder to write to, made where it is missing. The files of each of several searches go to a folder of its
            own in it.
        compared: A comparison of the searches with each other, which comes first.
        with_figures: Whether figures are drawn as PNG and SVG too, which takes most of the time. The page then prints
            the PNG files; without them, a browser prints the figures as it shows them.

    Raises:
        SettingError: The folder cannot be made.
        StoreError: A file cannot be written.
    """
    parts = [(article(evidence), evidence.trials) for evidence in reports]
    folders = [out if len(parts) == 1 else out / made.name for made, _ in parts]
    stills: dict[tuple[str, str], bytes] = {}
    for (made, trials), folder in zip(parts, folders, strict=True):
        stills |= _write_files(made, folder, with_figures)
        write_output(folder / "columns.csv", describe(trials).to_csv(index=False))
    articles = [made for made, _ in parts]
    if compared is not None:
        stills |= _write_files(compared, out, with_figures)
        articles.insert(0, compared)
    write_output(out / PAGE, page(articles, stills))
    return out / PAGE


def _write_files(made: Article, folder: Path, with_figures: bool) -> dict[tuple[str, str], bytes]:
    """Write tables, figures and pictures to a folder; return the PNG of each chart, as the page takes them."""
    _make(folder)
    stills = {}
    for table in (table for section in made.sections for table in section.tables):
        write_output(folder / f"{table.key}.csv", table.frame.to_csv(index=False))
        with output_file(folder / f"{table.key}.parquet") as part:
            _one_type(table.frame).to_parquet(part, index=False)
    for chart in (chart for section in made.sections for chart in section.charts if with_figures):
        drawn = still_figures(chart)
        stills[made.name, chart.key] = drawn["png"]
        for ending, data in drawn.items():
            with output_file(folder / f"{chart.key}.{ending}") as part:
                part.write_bytes(data)
    for picture in (picture for section in made.sections for picture in section.pictures):
        for ending, data in picture.files.items():
            with output_file(folder / f"{picture.key}.{ending}") as part:
                part.write_bytes(data)
    return stills


def _one_type(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table whose columns of mixed types, such as numbers beside `elbo`, are text: Parquet has one type."""
    mixed = [name for name in frame.columns if frame[name].dropna().map(type).nunique() > 1]
    return frame.assign(**{name: frame[name].map(str, na_action="ignore") for name in mixed})


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            f"The folder {folder} cannot be made ({error.strerror}); choose another with --out."
        ) from None
