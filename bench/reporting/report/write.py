"""Writes a report: the page, its tables as CSV and Parquet, and its figures as PNG and SVG."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.record.frame import describe
from bench.reporting.report.evidence import Evidence, Section
from bench.reporting.report.page import page, sections
from bench.reporting.report.still_figure import still_figures
from cellbench.errors import SettingError
from cellbench.output_files import output_file, write_output

if TYPE_CHECKING:
    import pandas as pd

PAGE = "report.html"


def write_report(reports: Sequence[Evidence], out: Path, with_figures: bool = True) -> Path:
    """Write the report of one or several searches, and return the path of the page, which is written last.

    Args:
        reports: The searches.
        out: Folder to write to, made where it is missing. The files of each of several searches go to a folder of its
            own in it.
        with_figures: Whether figures are drawn as PNG and SVG too, which takes most of the time. The page then prints
            the PNG files; without them, a browser prints the figures as it shows them.

    Raises:
        SettingError: The folder cannot be made.
        StoreError: A file cannot be written.
    """
    made = [(evidence, sections(evidence)) for evidence in reports]
    stills = {}
    for evidence, found in made:
        folder = out if len(made) == 1 else out / evidence.name
        _make(folder)
        _write_tables(evidence, found, folder)
        for chart in (chart for section in found for chart in section.charts if with_figures):
            drawn = still_figures(chart)
            stills[evidence.name, chart.key] = drawn["png"]
            for ending, data in drawn.items():
                with output_file(folder / f"{chart.key}.{ending}") as part:
                    part.write_bytes(data)
        for number, picture in enumerate((picture for section in found for picture in section.pictures), 1):
            with output_file(folder / f"reconstructions-{number}.webp") as part:
                part.write_bytes(picture.data)
    write_output(out / PAGE, page(made, stills))
    return out / PAGE


def _write_tables(evidence: Evidence, found: Sequence[Section], folder: Path) -> None:
    for table in (table for section in found for table in section.tables):
        write_output(folder / f"{table.key}.csv", table.frame.to_csv(index=False))
        with output_file(folder / f"{table.key}.parquet") as part:
            _one_type(table.frame).to_parquet(part, index=False)
    write_output(folder / "columns.csv", describe(evidence.trials).to_csv(index=False))


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
