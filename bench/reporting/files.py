"""Writes the results of a search into its folder: the table, the importances and the figures."""

from pathlib import Path

from bench.record.folder import SearchFolder
from bench.record.reproduction import Reproduction
from bench.record.summary import Summary
from bench.reporting.figures import draw_front, draw_response, draw_search
from cellbench.disk import write_text


def write_results(folder: SearchFolder, summary: Summary) -> list[Path]:
    """Write the table, the importances and the figures into the folder of a search, and return their paths.

    Args:
        folder: Folder of the search.
        summary: Its summary.
    """
    import pandas as pd

    table, shares, figure = (folder.directory / name for name in ("table.csv", "importances.csv", "figure.png"))
    write_text(table, summary.frame().to_csv(index=False))
    rows = [
        {"method": method, "parameter": name, "importance": value, "how": found["how"]}
        for method, found in summary.importances.items()
        for name, value in found["values"].items()
    ]
    write_text(shares, pd.DataFrame(rows, columns=["method", "parameter", "importance", "how"]).to_csv(index=False))
    draw_search(summary, folder.records("search"), figure)
    files = [table, shares, figure]
    if summary.response is not None and summary.response.radii:
        files.append(folder.directory / "response.png")
        draw_response(summary.response, files[-1])
    if summary.front:
        files += [folder.directory / "front.csv", folder.directory / "front.png"]
        flat = [
            {**member.model_dump(exclude={"values", "params"}), **member.values, **member.params}
            for member in summary.front
        ]
        write_text(files[-2], pd.DataFrame(flat).to_csv(index=False))
        draw_front(summary.front, summary.best.configuration, files[-1])
    return files


def write_reproduction(folder: SearchFolder, outcome: Reproduction) -> list[Path]:
    """Write the table into the folder of a reproduction, and return its path.

    Args:
        folder: Folder of the reproduction.
        outcome: Its outcome.
    """
    table = folder.directory / "table.csv"
    write_text(table, outcome.frame().to_csv(index=False))
    return [table]
